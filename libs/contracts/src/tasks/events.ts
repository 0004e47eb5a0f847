import type { Task } from './task';

/** The `data` of every `task.*` event: the task right after it, and what it changed, as that was before. */
export type TaskEventData = {
  task: Task;
  previous: Partial<Pick<Task, 'assignee_id' | 'status'>>;
};
