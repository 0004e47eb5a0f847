import type { Evolve } from '@works/platform/decider';
import { RuleViolation, unreachable } from '@works/platform/errors';
import type { Id } from '@works/platform/ids';
import { drafted, failed, requested, voided, type DraftFailed, type DraftMade, type Invoice } from './invoice';
import type { Billing } from './template';

export type MilestoneId = Id<'mst'>;

export interface Actor {
  readonly type: 'api_key' | 'agent' | 'system';
  readonly id: string;
}

/** The gate that ends a phase, in the spelling outsiders see: presenting a milestone copies fields and renames none. */
export interface Gate {
  readonly id: MilestoneId;
  readonly project_id: Id<'prj'>;
  readonly key: string | null;
  readonly name: string;
  /** From 1, in the order of the phases. */
  readonly position: number;
  readonly due_on: string | null;
  readonly requires_sign_off: boolean;
  readonly billing: Billing | null;
}

/** Somebody said that the phase is done. Null on a reached milestone: it reached by itself. */
export interface SignOff {
  readonly by: Actor;
  readonly note: string | null;
  readonly at: string;
}

/** How far the tasks are: other aggregates' affairs, which a milestone's own history cannot tell later. Cancelled tasks do not count. */
export interface Progress {
  readonly tasks: number;
  readonly tasks_completed: number;
}

interface OpenTask {
  readonly id: Id<'tsk'>;
  readonly title: string;
}

/** How its tasks are at a moment. Some of the open ones are named; `progress` counts all. */
export interface TasksThen {
  readonly progress: Progress;
  readonly open_tasks: readonly OpenTask[];
}

export type MilestoneEvent =
  /** `later`: not planned with the project, which would have told of it. */
  | { readonly type: 'milestone.added'; readonly data: Gate & { readonly later?: true; readonly at: string } }
  | { readonly type: 'milestone.updated'; readonly data: { readonly changed: Partial<Terms>; readonly at: string } & TasksThen }
  | { readonly type: 'milestone.reopened'; readonly data: { readonly at: string } & TasksThen }
  | { readonly type: 'milestone.reached'; readonly data: Reached }
  | { readonly type: 'milestone.invoice_requested'; readonly data: { readonly bills: Billing; readonly at: string } & TasksThen }
  | { readonly type: 'milestone.invoice_drafted'; readonly data: DraftMade & { readonly at: string } & TasksThen }
  | { readonly type: 'milestone.invoice_failed'; readonly data: DraftFailed & { readonly at: string } & TasksThen };

interface Reached {
  readonly sign_off: SignOff | null;
  readonly progress: Progress;
  /** What an invoice is to be drafted of. Absent where nothing is billed, and where there was no billing to ask. */
  readonly bills?: Billing;
  readonly at: string;
}

/** What may be said anew of a milestone while its project is active. */
export type Terms = Pick<Gate, 'name' | 'position' | 'due_on' | 'requires_sign_off' | 'billing'>;

interface Facts extends Gate {
  /** The newest that was asked for, by the last reaching that billed. Absent when none was. */
  readonly invoice?: Invoice;
  readonly created_at: string;
  readonly updated_at: string;
}
export interface PendingMilestone extends Facts {
  readonly status: 'pending';
}
export interface ReachedMilestone extends Facts {
  readonly status: 'reached';
  readonly sign_off: SignOff | null;
  readonly reached_at: string;
}
export type Milestone = PendingMilestone | ReachedMilestone;

type ProjectStatus = 'active' | 'closed';

/** As planned with its project. */
export const addMilestone = (gate: Gate, at: string): MilestoneEvent => ({ type: 'milestone.added', data: { ...gate, at } });

/** To a project that is under way. */
export function addMilestoneLater(gate: Gate, projectStatus: ProjectStatus, at: string): MilestoneEvent[] {
  if (projectStatus === 'closed') throw closedProject();
  return [{ type: 'milestone.added', data: { ...gate, later: true, at } }];
}

export interface Around extends TasksThen {
  readonly projectStatus: ProjectStatus;
  /** Reaching asks for an invoice, where the milestone bills something. Absent: there is no billing to ask. */
  readonly invoicing?: boolean;
  readonly at: string;
}

/** Without its sign-off a milestone whose tasks are all done waits for nothing any more, and reaches. */
export function updateMilestone(milestone: Milestone, terms: Partial<Terms>, around: Around): MilestoneEvent[] {
  const { projectStatus, at, progress, open_tasks, invoicing } = around;
  const changed = changesIn(milestone, terms);
  if (Object.keys(changed).length === 0) return [];
  if (projectStatus === 'closed') throw closedProject();
  const updated: MilestoneEvent = { type: 'milestone.updated', data: { changed, progress, open_tasks, at } };
  return changed.requires_sign_off === false ? [updated, ...reachWhenDone(evolve(milestone, updated), progress, at, invoicing)] : [updated];
}

function changesIn(milestone: Milestone, { billing, ...plain }: Partial<Terms>): Partial<Terms> {
  const named = Object.entries(plain).filter(([term, value]) => milestone[term as keyof typeof plain] !== value);
  const billed = billing !== undefined && spelled(billing) !== spelled(milestone.billing);
  return { ...Object.fromEntries(named), ...(billed && { billing }) };
}

/** One spelling, whatever the order of its fields. */
const spelled = (billing: Billing | null): string =>
  JSON.stringify(billing && [billing.due_in_days, billing.items.map(({ catalog_item_id, qty }) => [catalog_item_id, qty])]);

/** It was reached too early. It waits for its last task, or a word, as it did before. */
export function reopenMilestone(milestone: Milestone, { projectStatus, at, progress, open_tasks }: Around): MilestoneEvent[] {
  if (milestone.status === 'pending') return [];
  if (projectStatus === 'closed') throw closedProject();
  return [{ type: 'milestone.reopened', data: { progress, open_tasks, at } }];
}

export interface Reaching {
  readonly by: Actor;
  readonly note: string | null;
  /** Some of them are named; `progress` counts all. */
  readonly openTasks: readonly OpenTask[];
  readonly progress: Progress;
  readonly projectStatus: ProjectStatus;
  readonly invoicing?: boolean;
  readonly at: string;
}

/** Somebody says that the phase is done: the sign-off, where one is required. */
export function reachMilestone(milestone: Milestone, reaching: Reaching): MilestoneEvent[] {
  const { by, note, openTasks, progress, projectStatus, invoicing = false, at } = reaching;
  if (milestone.status === 'reached') return [];
  if (projectStatus === 'closed') throw closedProject();
  if (openTasks.length > 0) throw blockedBy(openTasks, progress);
  return [{ type: 'milestone.reached', data: { sign_off: { by, note, at }, progress, ...billed(milestone, invoicing), at } }];
}

/** A milestone reaches by itself with its last task. One without tasks, or with none completed, says nothing of work done: it waits for a word. */
export function reachWhenDone(milestone: Milestone, progress: Progress, at: string, invoicing = false): MilestoneEvent[] {
  const done = progress.tasks > 0 && progress.tasks_completed === progress.tasks;
  if (milestone.status === 'reached' || milestone.requires_sign_off || !done) return [];
  return [{ type: 'milestone.reached', data: { sign_off: null, progress, ...billed(milestone, invoicing), at } }];
}

const billed = ({ billing }: Milestone, invoicing: boolean): Pick<Reached, 'bills'> =>
  invoicing && billing !== null ? { bills: billing } : {};

/** Trusts history: an event that is in the stream happened, so `evolve` never refuses. */
export const evolve: Evolve<Milestone, MilestoneEvent> = (milestone, event) => {
  if (event.type === 'milestone.added') return added(event.data);
  if (milestone === null) throw new Error(`A milestone's history begins with milestone.added, not with ${event.type}`);
  switch (event.type) {
    case 'milestone.updated':
      return { ...milestone, ...event.data.changed, updated_at: event.data.at };
    case 'milestone.reached': {
      const { sign_off, at, bills } = event.data;
      const reached: Milestone = { ...milestone, status: 'reached', sign_off, reached_at: at, updated_at: at };
      return bills === undefined ? reached : withInvoice(reached, requested(milestone.invoice, bills), at);
    }
    case 'milestone.reopened':
      return reopened(milestone, event.data.at);
    case 'milestone.invoice_requested':
      return withInvoice(milestone, requested(milestone.invoice, event.data.bills), event.data.at);
    case 'milestone.invoice_drafted':
      return withInvoice(milestone, drafted(milestone.invoice, event.data, event.data.at), event.data.at);
    case 'milestone.invoice_failed':
      return withInvoice(milestone, failed(milestone.invoice, event.data), event.data.at);
    default:
      return unreachable(event);
  }
};

function added({ at, later: _toldOnly, ...gate }: Gate & { at: string; later?: true }): PendingMilestone {
  return { ...gate, status: 'pending', created_at: at, updated_at: at };
}

function reopened(milestone: Milestone, at: string): PendingMilestone {
  const { sign_off: _signOff, reached_at: _reachedAt, ...facts } = milestone as ReachedMilestone;
  return withInvoice<PendingMilestone>({ ...facts, status: 'pending', updated_at: at }, voided(milestone.invoice), at);
}

/** A milestone without an invoice has no such field: so were all before there was billing to ask. */
const withInvoice = <State extends Milestone>(milestone: State, invoice: Invoice | undefined, at: string): State =>
  invoice === undefined ? { ...milestone, updated_at: at } : { ...milestone, invoice, updated_at: at };

const closedProject = () => new RuleViolation('project_closed', 'The project is closed; its milestones stay as they are.');

function blockedBy(openTasks: readonly OpenTask[], { tasks, tasks_completed }: Progress): RuleViolation {
  const open = tasks - tasks_completed;
  return new RuleViolation('milestone_blocked', `${open === 1 ? 'A task is' : `${open} tasks are`} still open in this milestone.`, {
    blocked_by: openTasks.map(({ id, title }) => ({ kind: 'task', id, title })),
  });
}
