import { publicEvent } from '@works/contracts/events';
import type { Task as TaskResource, TaskCommentedData, TaskEventData } from '@works/contracts/tasks';
import { unreachable } from '@works/platform/errors';
import type { Fact, Publish } from '@works/platform/event-store';
import type { Details, Task, TaskEvent } from './domain/task';
import { presentComment } from './read-models/present-comment';
import { presentTask } from './read-models/present-task';

/** Everything that happens to a task is public: outsiders get the task as `GET /tasks/{id}` answered right after it. */
export const publish: Publish = (fact) => {
  const { event, before, after, version, occurredAt } = fact as Fact<Task, TaskEvent>;
  const blocked = 'blocked' in event.data && event.data.blocked;
  const task = presentTask(after, version, { now: occurredAt, blocked });
  const data: TaskEventData | TaskCommentedData =
    event.type === 'task.commented'
      ? { task, comment: presentComment(event.data.comment, task.id, event.data.at), previous: {} }
      : { task, previous: previousOf(event, before) };
  return publicEvent(fact, { type: event.type, projectId: after.project_id, data });
};

function previousOf(event: Exclude<TaskEvent, { type: 'task.commented' }>, before: Task | null): TaskEventData['previous'] {
  switch (event.type) {
    case 'task.created':
      return {};
    case 'task.updated':
      return formerly(before!, event.data.changes);
    case 'task.assigned':
    case 'task.unassigned':
      return { assignee_id: before!.assignee_id };
    case 'task.completed':
    case 'task.reopened':
    case 'task.cancelled':
      return { status: before!.status };
    case 'task.overdue':
      return { overdue: false };
    default:
      return unreachable(event);
  }
}

/** What the changed fields were before. From when a task is overdue follows from the others, and is told of none. */
function formerly(before: Task, { overdue_at: _derived, ...changes }: Partial<Details>): Partial<TaskResource> {
  const fields = Object.keys(changes) as (keyof typeof changes)[];
  return Object.fromEntries(fields.map((field) => [field, before[field]]));
}
