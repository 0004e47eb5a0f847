import type { Task } from '../domain/task';
import { TASK_COLUMNS } from './task-rows';

/** A group shows the tasks that fall due first; its count says when there are more. */
export const QUEUE_GROUP_MAX = 100;

export type QueueGroup = 'overdue' | 'today' | 'upcoming' | 'no_date';

export interface QueueRow {
  group: QueueGroup;
  /** Tasks in the group, also those beyond the first hundred. bigint arrives as text. */
  total: string;
  version: number;
  state: Task;
  blocked: boolean;
}

/**
 * One person's open tasks in groups, with exact counts, from one scan of the index tasks_queue.
 *
 * $1 the person, $2 the present instant, $3 the end of today where the reader is. A task belongs to the day in which it becomes
 * overdue: a `due_on` of today ends exactly at the end of today, hence `<=`. So what is shown under today is what goes overdue today,
 * also when the task's own zone is another.
 */
export const QUEUE_STATEMENT = {
  name: 'tasks_queue',
  text: `
    with grouped as (
      select t.id, t.overdue_at,
             case when t.overdue_at is null then 'no_date'
                  when t.overdue_at <= $2 then 'overdue'
                  when t.overdue_at <= $3 then 'today'
                  else 'upcoming' end as "group",
             ${TASK_COLUMNS}
        from tasks t
       where t.assignee_id = $1 and t.status = 'open'
    ), placed as (
      select *, row_number() over (partition by "group" order by overdue_at, id) as place, count(*) over (partition by "group") as total
        from grouped
    )
    select "group", total, version, state, blocked from placed where place <= ${QUEUE_GROUP_MAX} order by overdue_at, id`,
};
