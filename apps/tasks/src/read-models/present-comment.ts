import type { TaskComment } from '@works/contracts/tasks';
import type { Comment } from '../domain/task';

/** The comment as outsiders get it. Nobody can change one, so it stays at its first version. */
export const presentComment = ({ id, body, author }: Comment, taskId: string, at: string): TaskComment => ({
  id,
  object: 'comment',
  task_id: taskId,
  body,
  author: { type: author.type, id: author.id },
  created_at: at,
  updated_at: at,
  version: 1,
});
