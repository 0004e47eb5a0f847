import type { Milestone as MilestoneResource } from '@works/contracts/milestones';
import type { Invoice } from '../domain/invoice';
import type { Milestone, Progress } from '../domain/milestone';
import type { Billing } from '../domain/template';

/** What a milestone's own history cannot tell: how its tasks are at present. */
export interface Seen {
  readonly progress: Progress;
  readonly openTasks: readonly { readonly id: string; readonly title: string }[];
}

/** The milestone as outsiders get it, fields in the order of the contract. */
export function presentMilestone(milestone: Milestone, version: number, { progress, openTasks }: Seen): MilestoneResource {
  const reached = milestone.status === 'reached';
  return {
    id: milestone.id,
    object: 'milestone',
    project_id: milestone.project_id,
    key: milestone.key,
    name: milestone.name,
    position: milestone.position,
    due_on: milestone.due_on,
    status: milestone.status,
    requires_sign_off: milestone.requires_sign_off,
    sign_off: reached ? signOffOf(milestone.sign_off) : null,
    progress: { tasks: progress.tasks, tasks_completed: progress.tasks_completed },
    blocked_by: reached ? [] : blockersOf(milestone, openTasks),
    billing: presentBilling(milestone.billing),
    invoice: presentInvoice(milestone.invoice),
    reached_at: reached ? milestone.reached_at : null,
    created_at: milestone.created_at,
    updated_at: milestone.updated_at,
    version,
  };
}

export const presentBilling = (billing: Billing | null): MilestoneResource['billing'] =>
  billing === null
    ? null
    : { items: billing.items.map(({ catalog_item_id, qty }) => ({ catalog_item_id, qty })), due_in_days: billing.due_in_days };

export const presentInvoice = (invoice: Invoice | undefined): MilestoneResource['invoice'] =>
  invoice === undefined
    ? null
    : {
        status: invoice.status,
        id: 'id' in invoice ? invoice.id : null,
        error: 'error' in invoice ? invoice.error : null,
        attempts: invoice.attempts,
        drafted_at: 'drafted_at' in invoice ? invoice.drafted_at : null,
        next_attempt_at: 'next_attempt_at' in invoice ? invoice.next_attempt_at : null,
      };

type ReachedSignOff = Extract<Milestone, { status: 'reached' }>['sign_off'];

const signOffOf = (signOff: ReachedSignOff): MilestoneResource['sign_off'] =>
  signOff === null ? null : { by: { type: signOff.by.type, id: signOff.by.id }, note: signOff.note, at: signOff.at };

function blockersOf({ id: milestoneId, requires_sign_off }: Milestone, openTasks: Seen['openTasks']): MilestoneResource['blocked_by'] {
  const tasks = openTasks.map(({ id, title }) => ({ kind: 'task' as const, id, title }));
  return requires_sign_off ? [...tasks, { kind: 'sign_off', id: milestoneId, title: 'Sign-off' }] : tasks;
}
