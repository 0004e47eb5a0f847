import { RuleViolation } from '@works/platform/errors';
import type { Id } from '@works/platform/ids';
import type { Milestone, MilestoneEvent, TasksThen } from './milestone';

type Then = TasksThen & { readonly at: string };

/** Somebody asks for the invoice once more, or for the first time of a milestone that was reached while no billing was there to ask. */
export function requestInvoice(milestone: Milestone, { invoicing, ...then }: Then & { readonly invoicing: boolean }): MilestoneEvent[] {
  const { invoice } = milestone;
  if (milestone.status === 'pending') throw noInvoice('The milestone is not reached; reaching it asks for its invoice.');
  if (invoice?.status === 'pending' || invoice?.status === 'drafted') return [];
  const bills = invoice?.status === 'failed' ? invoice.bills : milestone.billing;
  if (bills === null) throw noInvoice('The milestone has no billing: there is nothing to put on an invoice.');
  if (!invoicing) throw new RuleViolation('billing_not_configured', 'No invoices are drafted in this mode: SK Billing is not connected.');
  return [{ type: 'milestone.invoice_requested', data: { bills, ...then } }];
}

/** SK Billing has a draft. Also said of a milestone that was reopened meanwhile, whose draft is to be undone; nobody would learn of it otherwise. */
export function noteDraft(milestone: Milestone, number: number, invoiceId: Id<'inv'>, then: Then): MilestoneEvent[] {
  const { invoice } = milestone;
  const current = invoice?.number === number;
  if (current && 'id' in invoice && invoice.id !== null) return [];
  const attempts = current ? invoice.attempts + 1 : 1;
  return [{ type: 'milestone.invoice_drafted', data: { number, invoice_id: invoiceId, attempts, ...then } }];
}

export interface Failure {
  readonly error: string;
  /** False when it failed before SK Billing was called. */
  readonly called: boolean;
  readonly next_attempt_at: string | null;
}

/** That an invoice which nobody wants any more was not drafted is no news. */
export function noteFailure(milestone: Milestone, number: number, { called, ...failure }: Failure, then: Then): MilestoneEvent[] {
  const { invoice } = milestone;
  if (invoice?.number !== number || (invoice.status !== 'pending' && invoice.status !== 'failed')) return [];
  const attempts = invoice.attempts + (called ? 1 : 0);
  return [{ type: 'milestone.invoice_failed', data: { number, attempts, ...failure, ...then } }];
}

const noInvoice = (detail: string) => new RuleViolation('no_invoice', detail);
