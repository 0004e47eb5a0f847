import { publicEvent } from '@works/contracts/events';
import type { TaskEventData } from '@works/contracts/tasks';
import { unreachable } from '@works/platform/errors';
import type { Fact, Publish } from '@works/platform/event-store';
import type { Task, TaskEvent } from './domain/task';
import { presentTask } from './read-models/present-task';

/** Everything that happens to a task is public: outsiders get the task as `GET /tasks/{id}` answered right after it. */
export const publish: Publish = (fact) => {
  const { event, before, after, version, occurredAt } = fact as Fact<Task, TaskEvent>;
  const blocked = 'blocked' in event.data && event.data.blocked;
  const data: TaskEventData = { task: presentTask(after, version, { now: occurredAt, blocked }), previous: previousOf(event, before) };
  return publicEvent(fact, { type: event.type, projectId: after.project_id, data });
};

function previousOf(event: TaskEvent, before: Task | null): TaskEventData['previous'] {
  switch (event.type) {
    case 'task.created':
      return {};
    case 'task.assigned':
    case 'task.unassigned':
      return { assignee_id: before!.assignee_id };
    case 'task.completed':
    case 'task.cancelled':
      return { status: before!.status };
    default:
      return unreachable(event);
  }
}
