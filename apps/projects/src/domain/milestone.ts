import type { Evolve } from '@works/platform/decider';
import { RuleViolation, unreachable } from '@works/platform/errors';
import type { Id } from '@works/platform/ids';
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

export type MilestoneEvent =
  | { readonly type: 'milestone.added'; readonly data: Gate & { readonly at: string } }
  | {
      readonly type: 'milestone.reached';
      readonly data: { readonly sign_off: SignOff | null; readonly progress: Progress; readonly at: string };
    };

interface Facts extends Gate {
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

export const addMilestone = (gate: Gate, at: string): MilestoneEvent => ({ type: 'milestone.added', data: { ...gate, at } });

interface OpenTask {
  readonly id: Id<'tsk'>;
  readonly title: string;
}

export interface Reaching {
  readonly by: Actor;
  readonly note: string | null;
  /** Some of them are named; `progress` counts all. */
  readonly openTasks: readonly OpenTask[];
  readonly progress: Progress;
  readonly projectStatus: 'active' | 'closed';
  readonly at: string;
}

/** Somebody says that the phase is done: the sign-off, where one is required. */
export function reachMilestone(milestone: Milestone, { by, note, openTasks, progress, projectStatus, at }: Reaching): MilestoneEvent[] {
  if (milestone.status === 'reached') return [];
  if (projectStatus === 'closed') throw new RuleViolation('project_closed', 'The project is closed; its milestones stay as they are.');
  if (openTasks.length > 0) throw blockedBy(openTasks, progress);
  return [{ type: 'milestone.reached', data: { sign_off: { by, note, at }, progress, at } }];
}

/** A milestone reaches by itself with its last task. One without tasks, or with none completed, says nothing of work done: it waits for a word. */
export function reachWhenDone(milestone: Milestone, progress: Progress, at: string): MilestoneEvent[] {
  const done = progress.tasks > 0 && progress.tasks_completed === progress.tasks;
  if (milestone.status === 'reached' || milestone.requires_sign_off || !done) return [];
  return [{ type: 'milestone.reached', data: { sign_off: null, progress, at } }];
}

/** Trusts history: an event that is in the stream happened, so `evolve` never refuses. */
export const evolve: Evolve<Milestone, MilestoneEvent> = (milestone, event) => {
  if (event.type === 'milestone.added') return added(event.data);
  if (milestone === null) throw new Error(`A milestone's history begins with milestone.added, not with ${event.type}`);
  switch (event.type) {
    case 'milestone.reached': {
      const { sign_off, at } = event.data;
      return { ...milestone, status: 'reached', sign_off, reached_at: at, updated_at: at };
    }
    default:
      return unreachable(event);
  }
};

const added = ({ at, ...gate }: Gate & { at: string }): PendingMilestone => ({
  ...gate,
  status: 'pending',
  created_at: at,
  updated_at: at,
});

function blockedBy(openTasks: readonly OpenTask[], { tasks, tasks_completed }: Progress): RuleViolation {
  const open = tasks - tasks_completed;
  return new RuleViolation('milestone_blocked', `${open === 1 ? 'A task is' : `${open} tasks are`} still open in this milestone.`, {
    blocked_by: openTasks.map(({ id, title }) => ({ kind: 'task', id, title })),
  });
}
