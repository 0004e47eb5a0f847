import type { Task as TaskResource } from '@works/contracts/tasks';
import type { Task } from '../domain/task';
import { presentTask } from './present-task';

export interface TaskRow {
  version: number;
  state: Task;
  blocked: boolean;
}

/**
 * Whether a task `t`, if it is open, waits for another. Each dependency is looked up by its id: as a join the planner would rather gather
 * every open task of the tenant first.
 */
export const BLOCKED = `exists (
    select from jsonb_array_elements_text(t.state->'depends_on') as dependency(id)
     where (select d.status from tasks d where d.id = dependency.id) = 'open')`;

/** What is read of a task `t` to show it. Dependencies are looked up only for open tasks that have some. */
export const TASK_COLUMNS = `
  t.version, t.state,
  t.status = 'open' and ${BLOCKED} as blocked`;

export const presentRow = ({ state, version, blocked }: TaskRow, now: Date): TaskResource => presentTask(state, version, { now, blocked });
