import { unreachable } from '@works/platform/errors';
import type { Task } from '../domain/task';
import { TASK_COLUMNS } from './task-rows';

/** A group shows the tasks that fall due first; its count says how many there are, and its cursor where to go on. */
export const QUEUE_GROUP_MAX = 100;

export const QUEUE_GROUPS = ['overdue', 'today', 'upcoming', 'no_date'] as const;
export type QueueGroup = (typeof QUEUE_GROUPS)[number];

export interface QueueRow {
  group: QueueGroup;
  /** Tasks in the group, also those beyond the ones that are shown. bigint arrives as text. */
  total: string;
  version: number;
  state: Task;
  blocked: boolean;
}

/**
 * Which tasks `t` a group has: each is one range of the index tasks_queue. A task belongs to the day in which it becomes overdue: a `due_on`
 * of today ends exactly at the end of today, hence `<=`. So what is shown under today is what goes overdue today, also when the task's own
 * zone is another.
 */
export function rangeOf(group: QueueGroup, now: () => string, endOfToday: () => string): string {
  switch (group) {
    case 'overdue':
      return `t.overdue_at <= ${now()}`;
    case 'today':
      return `t.overdue_at > ${now()} and t.overdue_at <= ${endOfToday()}`;
    case 'upcoming':
      return `t.overdue_at > ${endOfToday()}`;
    case 'no_date':
      return 't.overdue_at is null';
    default:
      return unreachable(group);
  }
}

const GROUP = `case ${QUEUE_GROUPS.map(
  (group) =>
    `when ${rangeOf(
      group,
      () => '$2',
      () => '$3',
    )} then '${group}'`,
).join(' ')} end`;

/**
 * One person's open tasks in groups, with exact counts, from one scan of the index tasks_queue. Documents are read only of what is shown, by
 * their places in the table (which hold within a statement); one more in each group than there will be, which tells that there is more:
 * 10,000 open tasks are counted and not read.
 *
 * $1 the person, $2 the present instant, $3 the end of today where the reader is.
 */
export const QUEUE_STATEMENT = {
  name: 'tasks_queue',
  text: `
    with grouped as (
      select t.ctid, t.id, t.overdue_at, ${GROUP} as "group"
        from tasks t
       where t.assignee_id = $1 and t.status = 'open'
    ), placed as (
      select *, row_number() over (partition by "group" order by overdue_at, id collate "C") as place, count(*) over (partition by "group") as total
        from grouped
    )
    select p."group", p.total, ${TASK_COLUMNS}
      from placed p cross join lateral (select * from tasks where ctid = p.ctid offset 0) t
     where p.place <= ${QUEUE_GROUP_MAX + 1} order by p.overdue_at, p.id collate "C"`,
};
