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

/** What can be changed of an open task. Its project cannot: what depends on it, and what it depends on, stays there. */
export type Details = Omit<Plan, 'id' | 'project_id' | 'key'>;

export interface Comment {
  readonly id: Id<'cmt'>;
  readonly body: string;
  readonly author: Actor;
}

export type TaskEvent =
  | { readonly type: 'task.created'; readonly data: Plan & Moment & Blocked }
  | { readonly type: 'task.updated'; readonly data: { readonly changes: Partial<Details> } & Moment & Blocked }
  | { readonly type: 'task.assigned'; readonly data: { readonly assignee_id: UserId } & Moment & Blocked }
  | { readonly type: 'task.unassigned'; readonly data: Moment & Blocked }
  | { readonly type: 'task.completed'; readonly data: { readonly by: Actor } & Moment }
  | { readonly type: 'task.reopened'; readonly data: Moment & Blocked }
  | { readonly type: 'task.cancelled'; readonly data: Moment }
  | { readonly type: 'task.overdue'; readonly data: { readonly overdue_at: string } & Moment & Blocked }
  | { readonly type: 'task.commented'; readonly data: { readonly comment: Comment } & Moment & Blocked };

interface Moment {
  readonly at: string;
}

/** Whether a dependency was open at that moment: another task's affair, which this task's history cannot tell later. */
interface Blocked {
  readonly blocked: boolean;
}

interface Facts extends Plan {
  readonly assignee_id: UserId | null;
  /** The `overdue_at` of which it was last told that it has passed; absent until then. */
  readonly overdue_told_for?: string;
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
type Ends = Pick<CompletedTask, 'completed_at' | 'completed_by'> & Pick<CancelledTask, 'cancelled_at'>;
export type Task = OpenTask | CompletedTask | CancelledTask;

/** A task that this one depends on and that is still open. */
export interface OpenDependency {
  readonly id: TaskId;
  readonly title: string;
}

export function createTask(plan: Plan, assigneeId: UserId | null, { at, blocked }: Moment & Blocked): TaskEvent[] {
  const created: TaskEvent = { type: 'task.created', data: { at, blocked, ...plan } };
  return assigneeId === null ? [created] : [created, { type: 'task.assigned', data: { assignee_id: assigneeId, at, blocked } }];
}

interface Update extends Moment, Blocked {
  /** The cycle that the wanted dependencies would close, from the task to itself. */
  readonly cycle: readonly TaskId[] | null;
}

/** Only what differs is an event; `changes` holds the new values of just that. */
export function updateTask(task: Task, wanted: Partial<Details>, { at, blocked, cycle }: Update): TaskEvent[] {
  const open = stillOpen(task);
  if (cycle !== null) throw dependencyCycle(cycle, wanted.depends_on ?? []);
  const differing = (Object.keys(wanted) as (keyof Details)[]).filter((field) => !same(wanted[field], open[field]));
  if (differing.length === 0) return [];
  const changes: Partial<Details> = Object.fromEntries(differing.map((field) => [field, wanted[field]]));
  return [{ type: 'task.updated', data: { changes, at, blocked } }];
}

export function assignTask(task: Task, assigneeId: UserId | null, { at, blocked }: Moment & Blocked): TaskEvent[] {
  if (stillOpen(task).assignee_id === assigneeId) return [];
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

/** Equal as JSON, in whatever order the members of an object stand. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [members, others] = [Object.entries(a), new Map(Object.entries(b))];
  return members.length === others.size && members.every(([name, member]) => others.has(name) && same(member, others.get(name)));
}

interface Reopening extends Moment, Blocked {
  /** Null: the task stands alone. */
  readonly projectStatus: 'active' | 'closed' | null;
}

export function reopenTask(task: Task, { at, blocked, projectStatus }: Reopening): TaskEvent[] {
  if (task.status === 'open') return [];
  if (projectStatus === 'closed') throw new RuleViolation('project_closed', 'The project is closed; its tasks stay as they ended.');
  return [{ type: 'task.reopened', data: { at, blocked } }];
}

/** Once for each `overdue_at`: a date that moves is told of again when it passes, a task that is reopened is not. */
export function tellOverdue(task: Task, { at, blocked }: Moment & Blocked): TaskEvent[] {
  const { overdue_at } = task;
  if (overdue_at === null || !isOverdue(task, at) || task.overdue_told_for === overdue_at) return [];
  return [{ type: 'task.overdue', data: { overdue_at, at, blocked } }];
}

/** Whatever became of a task, there can be something to say about it. */
export const commentOnTask = (comment: Comment, { at, blocked }: Moment & Blocked): TaskEvent[] => [
  { type: 'task.commented', data: { comment, at, blocked } },
];

/** Trusts history: an event that is in the stream happened, so `evolve` never refuses. */
export const evolve: Evolve<Task, TaskEvent> = (task, event) => {
  if (event.type === 'task.created') return planned(event.data);
  if (task === null) throw new Error(`A task's history begins with task.created, not with ${event.type}`);
  const { at } = event.data;
  switch (event.type) {
    case 'task.updated':
      return { ...task, ...event.data.changes, updated_at: at };
    case 'task.assigned':
      return { ...task, assignee_id: event.data.assignee_id, updated_at: at };
    case 'task.unassigned':
      return { ...task, assignee_id: null, updated_at: at };
    case 'task.completed':
      return { ...task, status: 'completed', completed_at: at, completed_by: event.data.by, updated_at: at };
    case 'task.reopened':
      return { ...reopened(task), updated_at: at };
    case 'task.cancelled':
      return { ...task, status: 'cancelled', cancelled_at: at, updated_at: at };
    case 'task.overdue':
      return { ...task, overdue_told_for: event.data.overdue_at, updated_at: at };
    case 'task.commented':
      return { ...task, updated_at: at };
    default:
      return unreachable(event);
  }
};

function planned({ at, blocked: _notKept, ...plan }: Plan & Moment & Blocked): OpenTask {
  return { status: 'open', assignee_id: null, created_at: at, updated_at: at, ...plan };
}

/** The task without its end. */
function reopened(task: Task): OpenTask {
  const { completed_at: _at, completed_by: _by, cancelled_at: _cancelled, ...facts } = task as Facts & Partial<Ends>;
  return { ...facts, status: 'open' };
}

/** Instants are RFC 3339 in UTC with milliseconds throughout, so comparing the texts compares the times. */
export const isOverdue = (task: Task, instant: string): boolean =>
  task.status === 'open' && task.overdue_at !== null && task.overdue_at <= instant;

/** The task, unless it has ended: then it takes no change of this kind. */
export function stillOpen(task: Task): OpenTask {
  if (task.status !== 'open') throw ended(task);
  return task;
}

const ended = (task: CompletedTask | CancelledTask): RuleViolation =>
  task.status === 'completed'
    ? new RuleViolation('task_completed', 'The task is completed; only an open task can be changed like this.')
    : new RuleViolation('task_cancelled', 'The task is cancelled; only an open task can be changed like this.');

const dependencyCycle = (cycle: readonly TaskId[], dependsOn: readonly TaskId[]): RuleViolation =>
  new RuleViolation('dependency_cycle', `The task would wait for itself: ${cycle.join(' → ')}.`, {
    cycle,
    errors: [{ pointer: `/depends_on/${dependsOn.indexOf(cycle[1]!)}`, code: 'dependency_cycle', detail: 'depends on this task already' }],
  });

const blockedBy = (dependencies: readonly OpenDependency[]): RuleViolation =>
  new RuleViolation(
    'task_blocked',
    `The task depends on ${tasks(dependencies.length)} still open. Complete those first, or send {"force": true}.`,
    {
      blocked_by: dependencies.map(({ id, title }) => ({ kind: 'task', id, title })),
    },
  );

const tasks = (count: number): string => (count === 1 ? 'a task that is' : `${count} tasks that are`);
