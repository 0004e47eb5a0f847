import { publicEvent } from '@works/contracts/events';
import type { Task as TaskResource, TaskCommentedData, TaskEventData } from '@works/contracts/tasks';
import type { TestClockEventData } from '@works/contracts/test-clock';
import { unreachable } from '@works/platform/errors';
import type { Fact, PublicFact, Publish } from '@works/platform/event-store';
import type { Details, Task, TaskEvent } from './domain/task';
import type { TestClock, TestClockEvent } from './domain/test-clock';
import { presentComment } from './read-models/present-comment';
import { presentTask } from './read-models/present-task';
import { presentTestClock } from './test-clock';

/** Everything that happens here is public: outsiders get the resource as GET answered right after it. */
export const publish: Publish = (fact) =>
  fact.event.type === 'test_clock.advanced'
    ? publicTestClock(fact as Fact<TestClock, TestClockEvent>)
    : publicTask(fact as Fact<Task, TaskEvent>);

function publicTestClock(fact: Fact<TestClock, TestClockEvent>): PublicFact {
  const { event, before, after, streamId, version } = fact;
  const realMs = Date.parse(event.data.now) - after.offset_ms;
  const { now, offset_ms } = presentTestClock({ id: streamId, version: version - 1, state: before }, realMs);
  const test_clock = presentTestClock({ id: streamId, version, state: after }, realMs);
  return publicEvent(fact, {
    type: event.type,
    projectId: null,
    data: { test_clock, previous: { now, offset_ms } } satisfies TestClockEventData,
  });
}

function publicTask(fact: Fact<Task, TaskEvent>): PublicFact {
  const { event, before, after, version, occurredAt } = fact;
  const blocked = 'blocked' in event.data && event.data.blocked;
  const task = presentTask(after, version, { now: occurredAt, blocked });
  const data: TaskEventData | TaskCommentedData =
    event.type === 'task.commented'
      ? { task, comment: presentComment(event.data.comment, task.id, event.data.at), previous: {} }
      : { task, previous: previousOf(event, before) };
  return publicEvent(fact, { type: event.type, projectId: after.project_id, data });
}

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
