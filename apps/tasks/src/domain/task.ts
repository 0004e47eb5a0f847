import type { Evolve } from '@works/platform/decider';
import { RuleViolation, unreachable } from '@works/platform/errors';
import type { Id } from '@works/platform/ids';

export type TaskId = Id<'tsk'>;
export type UserId = Id<'usr'>;

export interface Actor {
  readonly type: 'api_key' | 'agent' | 'system';
  readonly id: string;
}

/** What a task is about, in the spelling outsiders see: presenting a task copies fields and renames none. */
export interface Plan {
  readonly id: TaskId;
  readonly project_id: Id<'prj'> | null;
  readonly milestone_id: Id<'mst'> | null;
  readonly key: string | null;
  readonly title: string;
  readonly description: string | null;
  readonly priority: 'urgent' | 'high' | 'normal' | 'low';
  readonly due_on: string | null;
  readonly due_at: string | null;
  readonly time_zone: string;
  /** The instant from which the open task is overdue: `due_at`, or the end of `due_on` in its zone. */
  readonly overdue_at: string | null;
  readonly checklist: readonly { readonly key: string; readonly title: string; readonly done: boolean }[];
  readonly depends_on: readonly TaskId[];
  readonly metadata: Readonly<Record<string, string>>;
}

export type TaskEvent =
  | { readonly type: 'task.created'; readonly data: Plan & Moment & Blocked }
  | { readonly type: 'task.assigned'; readonly data: { readonly assignee_id: UserId } & Moment & Blocked }
  | { readonly type: 'task.unassigned'; readonly data: Moment & Blocked }
  | { readonly type: 'task.completed'; readonly data: { readonly by: Actor } & Moment }
  | { readonly type: 'task.cancelled'; readonly data: Moment };

interface Moment {
  readonly at: string;
}

/** Whether a dependency was open at that moment: another task's affair, which this task's history cannot tell later. */
interface Blocked {
  readonly blocked: boolean;
}

interface Facts extends Plan {
  readonly assignee_id: UserId | null;
  readonly created_at: string;
  readonly updated_at: string;
}
export interface OpenTask extends Facts {
  readonly status: 'open';
}
export interface CompletedTask extends Facts {
  readonly status: 'completed';
  readonly completed_at: string;
  readonly completed_by: Actor;
}
export interface CancelledTask extends Facts {
  readonly status: 'cancelled';
  readonly cancelled_at: string;
}
export type Task = OpenTask | CompletedTask | CancelledTask;

/** A task that this one depends on and that is still open. */
export interface OpenDependency {
  readonly id: TaskId;
  readonly title: string;
}

export function createTask(plan: Plan, assigneeId: UserId | null, { at, blocked }: Moment & Blocked): TaskEvent[] {
  const created: TaskEvent = { type: 'task.created', data: { ...plan, at, blocked } };
  return assigneeId === null ? [created] : [created, { type: 'task.assigned', data: { assignee_id: assigneeId, at, blocked } }];
}

export function assignTask(task: Task, assigneeId: UserId | null, { at, blocked }: Moment & Blocked): TaskEvent[] {
  if (task.status !== 'open') throw ended(task);
  if (task.assignee_id === assigneeId) return [];
  return assigneeId === null
    ? [{ type: 'task.unassigned', data: { at, blocked } }]
    : [{ type: 'task.assigned', data: { assignee_id: assigneeId, at, blocked } }];
}

interface Completion extends Moment {
  readonly by: Actor;
  /** Completes despite open dependencies. */
  readonly force: boolean;
  readonly openDependencies: readonly OpenDependency[];
}

export function completeTask(task: Task, { at, by, force, openDependencies }: Completion): TaskEvent[] {
  if (task.status === 'completed') return [];
  if (task.status === 'cancelled') throw ended(task);
  if (openDependencies.length > 0 && !force) throw blockedBy(openDependencies);
  return [{ type: 'task.completed', data: { by, at } }];
}

export function cancelTask(task: Task, { at }: Moment): TaskEvent[] {
  if (task.status === 'cancelled') return [];
  if (task.status === 'completed') throw ended(task);
  return [{ type: 'task.cancelled', data: { at } }];
}

/** Trusts history: an event that is in the stream happened, so `evolve` never refuses. */
export const evolve: Evolve<Task, TaskEvent> = (task, event) => {
  if (event.type === 'task.created') return planned(event.data);
  if (task === null) throw new Error(`A task's history begins with task.created, not with ${event.type}`);
  const { at } = event.data;
  switch (event.type) {
    case 'task.assigned':
      return { ...task, assignee_id: event.data.assignee_id, updated_at: at };
    case 'task.unassigned':
      return { ...task, assignee_id: null, updated_at: at };
    case 'task.completed':
      return { ...task, status: 'completed', completed_at: at, completed_by: event.data.by, updated_at: at };
    case 'task.cancelled':
      return { ...task, status: 'cancelled', cancelled_at: at, updated_at: at };
    default:
      return unreachable(event);
  }
};

function planned({ at, blocked: _notKept, ...plan }: Plan & Moment & Blocked): OpenTask {
  return { ...plan, status: 'open', assignee_id: null, created_at: at, updated_at: at };
}

/** Instants are RFC 3339 in UTC with milliseconds throughout, so comparing the texts compares the times. */
export const isOverdue = (task: Task, instant: string): boolean =>
  task.status === 'open' && task.overdue_at !== null && task.overdue_at <= instant;

const ended = (task: CompletedTask | CancelledTask): RuleViolation =>
  task.status === 'completed'
    ? new RuleViolation('task_completed', 'The task is completed; only an open task can be changed like this.')
    : new RuleViolation('task_cancelled', 'The task is cancelled; only an open task can be changed like this.');

const blockedBy = (dependencies: readonly OpenDependency[]): RuleViolation =>
  new RuleViolation(
    'task_blocked',
    `The task depends on ${tasks(dependencies.length)} still open. Complete those first, or send {"force": true}.`,
    {
      blocked_by: dependencies.map(({ id, title }) => ({ kind: 'task', id, title })),
    },
  );

const tasks = (count: number): string => (count === 1 ? 'a task that is' : `${count} tasks that are`);
