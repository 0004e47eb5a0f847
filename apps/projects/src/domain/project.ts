import type { Evolve } from '@works/platform/decider';
import { RuleViolation, unreachable } from '@works/platform/errors';
import type { Id } from '@works/platform/ids';
import type { PlannedMilestone } from './scaffold';

export type ProjectId = Id<'prj'>;
export type Outcome = 'delivered' | 'cancelled';

/** What a project is about, in the spelling outsiders see: presenting a project copies fields and renames none. */
export interface Delivery {
  readonly id: ProjectId;
  readonly name: string;
  readonly owner_id: Id<'usr'>;
  readonly deal_id: Id<'dl'> | null;
  readonly contact_id: Id<'ctc'> | null;
  /** The caller's own id, unique per organization and mode. */
  readonly reference: string | null;
  readonly time_zone: string;
  readonly starts_on: string | null;
  readonly due_on: string | null;
  readonly template: { readonly key: string; readonly version: number } | null;
  readonly roles: Readonly<Record<string, Id<'usr'>>>;
  readonly variables: Readonly<Record<string, string | number>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** How far milestones and tasks are: other aggregates' affairs, which a project's own history cannot tell later. Cancelled tasks do not count. */
export interface Progress {
  readonly milestones: number;
  readonly milestones_reached: number;
  readonly tasks: number;
  readonly tasks_completed: number;
  readonly tasks_overdue: number;
}

export type ProjectEvent =
  /** `plan` is told to outsiders and not kept: milestones and tasks have histories of their own. */
  | { readonly type: 'project.created'; readonly data: Delivery & { readonly plan: readonly PlannedMilestone[]; readonly at: string } }
  | {
      readonly type: 'project.updated';
      readonly data: { readonly changed: Partial<Revisable>; readonly progress: Progress; readonly at: string };
    }
  | { readonly type: 'project.closed'; readonly data: Closing }
  | { readonly type: 'project.reopened'; readonly data: { readonly progress: Progress; readonly at: string } };

/** What may be said anew of a project while it is active. */
export type Revisable = Omit<Delivery, 'id' | 'template' | 'roles' | 'variables'>;

interface Closing {
  readonly outcome: Outcome;
  readonly open_tasks: 'cancel' | 'none';
  readonly progress: Progress;
  readonly at: string;
}

interface Facts extends Delivery {
  readonly created_at: string;
  readonly updated_at: string;
}
export interface ActiveProject extends Facts {
  readonly status: 'active';
}
export interface ClosedProject extends Facts {
  readonly status: 'closed';
  readonly outcome: Outcome;
  readonly closed_at: string;
}
export type Project = ActiveProject | ClosedProject;

export const createProject = (delivery: Delivery, plan: readonly PlannedMilestone[], at: string): ProjectEvent => ({
  type: 'project.created',
  data: { ...delivery, plan, at },
});

/** What is asked to be different. Of metadata a text sets a key, null removes it. */
export type Revision = Partial<Omit<Revisable, 'metadata'>> & { readonly metadata?: Readonly<Record<string, string | null>> };

const METADATA_KEYS_MAX = 50;

export function updateProject(project: Project, { metadata, ...fields }: Revision, progress: Progress, at: string): ProjectEvent[] {
  const named = Object.entries(fields).filter(([field, value]) => project[field as keyof typeof fields] !== value);
  const notes = metadata === undefined ? null : merged(project.metadata, metadata);
  const changed: Partial<Revisable> = { ...Object.fromEntries(named), ...(notes !== null && { metadata: notes }) };
  if (Object.keys(changed).length === 0) return [];
  if (project.status === 'closed')
    throw new RuleViolation('project_closed', 'The project is closed; it stays as it is until it is reopened.');
  if (changed.starts_on !== undefined || changed.due_on !== undefined) refuseEndBeforeStart({ ...project, ...changed }, changed);
  return [{ type: 'project.updated', data: { changed, progress, at } }];
}

/** Of the project as it would be, whichever of the two was asked for; what was so before is left alone. */
function refuseEndBeforeStart({ starts_on, due_on }: Pick<Delivery, 'starts_on' | 'due_on'>, changed: Partial<Revisable>): void {
  if (starts_on === null || due_on === null || starts_on <= due_on) return;
  const error =
    changed.due_on !== undefined
      ? { pointer: '/due_on', code: 'out_of_range', detail: `must not be before the start, ${starts_on}` }
      : { pointer: '/starts_on', code: 'out_of_range', detail: `must not be after the end, ${due_on}` };
  throw new RuleViolation('validation_failed', '1 field is invalid.', { errors: [error] });
}

/** Null when nothing changes. */
function merged(metadata: Delivery['metadata'], changes: Readonly<Record<string, string | null>>): Delivery['metadata'] | null {
  const notes = new Map(Object.entries(metadata));
  let differs = false;
  for (const [key, value] of Object.entries(changes)) {
    differs ||= (notes.get(key) ?? null) !== value;
    if (value === null) notes.delete(key);
    else notes.set(key, value);
  }
  if (notes.size > METADATA_KEYS_MAX) {
    const detail = `must have at most ${METADATA_KEYS_MAX} entries, and would have ${notes.size}`;
    throw new RuleViolation('validation_failed', '1 field is invalid.', { errors: [{ pointer: '/metadata', code: 'too_many', detail }] });
  }
  return differs ? Object.fromEntries(notes) : null;
}

/** What is not done yet: some of the open tasks (`progress` counts all), and the pending milestones. */
export interface OpenWork {
  readonly tasks: readonly { readonly id: Id<'tsk'>; readonly title: string }[];
  readonly milestones: readonly { readonly id: Id<'mst'>; readonly name: string }[];
}

export interface Close {
  readonly outcome: Outcome;
  /** What becomes of open tasks; `refuse` closes only where nothing is left to do. */
  readonly openTasks: 'refuse' | 'cancel';
  readonly openWork: OpenWork;
  readonly progress: Progress;
  readonly at: string;
}

export function closeProject(project: Project, { outcome, openTasks, openWork, progress, at }: Close): ProjectEvent[] {
  if (project.status === 'closed') {
    if (project.outcome === outcome) return [];
    throw new RuleViolation('project_closed', `The project is closed already, as ${project.outcome}.`);
  }
  if (openTasks === 'refuse') refuseOpenWork(outcome, openWork, progress);
  return [{ type: 'project.closed', data: { outcome, open_tasks: openTasks === 'cancel' ? 'cancel' : 'none', progress, at } }];
}

/** Whatever the closing cancelled stays so: those who reopen say anew what is to be done. */
export function reopenProject(project: Project, progress: Progress, at: string): ProjectEvent[] {
  return project.status === 'active' ? [] : [{ type: 'project.reopened', data: { progress, at } }];
}

/** A cancelled project need not have reached its milestones; a delivered one must. */
function refuseOpenWork(outcome: Outcome, openWork: OpenWork, progress: Progress): void {
  const milestones = outcome === 'delivered' ? openWork.milestones : [];
  const openTasks = progress.tasks - progress.tasks_completed;
  if (openTasks + milestones.length === 0) return;
  throw new RuleViolation(
    'project_has_open_work',
    `Tasks still open: ${openTasks}; milestones not reached: ${milestones.length}. Finish them, or send {"open_tasks": "cancel"}.`,
    {
      blocked_by: [
        ...openWork.tasks.map(({ id, title }) => ({ kind: 'task', id, title })),
        ...milestones.map(({ id, name }) => ({ kind: 'milestone', id, title: name })),
      ],
    },
  );
}

/** Trusts history: an event that is in the stream happened, so `evolve` never refuses. */
export const evolve: Evolve<Project, ProjectEvent> = (project, event) => {
  if (event.type === 'project.created') return opened(event.data);
  if (project === null) throw new Error(`A project's history begins with project.created, not with ${event.type}`);
  switch (event.type) {
    case 'project.updated':
      return { ...project, ...event.data.changed, updated_at: event.data.at };
    case 'project.closed': {
      const { outcome, at } = event.data;
      return { ...project, status: 'closed', outcome, closed_at: at, updated_at: at };
    }
    case 'project.reopened':
      return reopened(project, event.data.at);
    default:
      return unreachable(event);
  }
};

function opened({ plan: _notKept, at, ...delivery }: Delivery & { plan: unknown; at: string }): ActiveProject {
  return { ...delivery, status: 'active', created_at: at, updated_at: at };
}

function reopened(project: Project, at: string): ActiveProject {
  const { outcome: _outcome, closed_at: _closedAt, ...facts } = project as ClosedProject;
  return { ...facts, status: 'active', updated_at: at };
}
