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

const range = (group: QueueGroup) =>
  rangeOf(
    group,
    () => '$2',
    () => '$3',
  );

/** One more than is shown, which tells that there is more. */
const firstOf = (group: QueueGroup): string => `
    (select '${group}' as "group", t.overdue_at, t.id, ${TASK_COLUMNS}
       from tasks t
      where t.assignee_id = $1 and t.status = 'open' and ${range(group)}
      order by t.overdue_at, t.id limit ${QUEUE_GROUP_MAX + 1})`;

/**
 * One person's open tasks in groups, with exact counts. Documents are read only of what is shown, however many tasks the person has:
 * the counts need nothing that the index tasks_queue lacks, and each group is the beginning of a range of it.
 *
 * $1 the person, $2 the present instant, $3 the end of today where the reader is.
 */
export const QUEUE_STATEMENT = {
  name: 'tasks_queue',
  text: `
    with counts as materialized (
      select ${QUEUE_GROUPS.map((group) => `count(*) filter (where ${range(group)}) as ${group}`).join(', ')}
        from tasks t
       where t.assignee_id = $1 and t.status = 'open'
    ), shown as (${QUEUE_GROUPS.map(firstOf).join(' union all ')}
    )
    select "group", case "group" ${QUEUE_GROUPS.map((group) => `when '${group}' then counts.${group}`).join(' ')} end as total,
           version, state, blocked
      from shown, counts
     order by overdue_at, id`,
};
