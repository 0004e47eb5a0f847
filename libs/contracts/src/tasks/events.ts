import type { TaskComment } from './comment';
import type { Task } from './task';

/** The `data` of every `task.*` event but `task.commented`: the task right after it, and what it changed, as that was before. */
export type TaskEventData = {
  task: Task;
  previous: Partial<Task>;
};

/** The `data` of `task.commented`. Of its task a comment moves `version` and `updated_at`, nothing else. */
export type TaskCommentedData = {
  task: Task;
  comment: TaskComment;
  previous: Record<string, never>;
};
