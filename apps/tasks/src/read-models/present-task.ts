import type { Task as TaskResource } from '@works/contracts/tasks';
import { isOverdue, type Task } from '../domain/task';

/** What a task's own history cannot tell: the present instant, and whether a dependency is open at it. */
export interface Seen {
  readonly now: Date;
  readonly blocked: boolean;
}

/** The task as outsiders get it, fields in the order of the contract. */
export function presentTask(task: Task, version: number, { now, blocked }: Seen): TaskResource {
  return {
    id: task.id,
    object: 'task',
    project_id: task.project_id,
    milestone_id: task.milestone_id,
    key: task.key,
    title: task.title,
    description: task.description,
    status: task.status,
    assignee_id: task.assignee_id,
    priority: task.priority,
    due_on: task.due_on,
    due_at: task.due_at,
    time_zone: task.time_zone,
    overdue: isOverdue(task, now.toISOString()),
    checklist: task.checklist.map(({ key, title, done }) => ({ key, title, done })),
    depends_on: [...task.depends_on],
    blocked: task.status === 'open' && blocked,
    metadata: { ...task.metadata },
    completed_at: task.status === 'completed' ? task.completed_at : null,
    completed_by: task.status === 'completed' ? { type: task.completed_by.type, id: task.completed_by.id } : null,
    cancelled_at: task.status === 'cancelled' ? task.cancelled_at : null,
    created_at: task.created_at,
    updated_at: task.updated_at,
    version,
  };
}
