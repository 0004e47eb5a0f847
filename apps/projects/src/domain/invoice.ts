import type { Id } from '@works/platform/ids';
import type { Billing } from './template';

interface Asked {
  /** Counts the milestone's invoices, one for each reaching that bills: what is heard of an earlier one must not pass for news of this one. */
  readonly number: number;
  /** What it bills: the milestone's billing as it was when it was reached. */
  readonly bills: Billing;
  /** Calls of SK Billing since the invoice was last asked for. */
  readonly attempts: number;
}
export interface PendingInvoice extends Asked {
  readonly status: 'pending';
}
export interface DraftedInvoice extends Asked {
  readonly status: 'drafted';
  readonly id: Id<'inv'>;
  readonly drafted_at: string;
}
export interface FailedInvoice extends Asked {
  readonly status: 'failed';
  readonly error: string;
  /** Null: only somebody's word makes another attempt. */
  readonly next_attempt_at: string | null;
}
/** Its milestone was reopened. With an id there is a draft to be undone. */
export interface VoidInvoice extends Asked {
  readonly status: 'void';
  readonly id: Id<'inv'> | null;
  readonly drafted_at: string | null;
}
export type Invoice = PendingInvoice | DraftedInvoice | FailedInvoice | VoidInvoice;

export interface DraftMade {
  readonly number: number;
  readonly invoice_id: Id<'inv'>;
  readonly attempts: number;
}
export interface DraftFailed {
  readonly number: number;
  readonly error: string;
  readonly attempts: number;
  readonly next_attempt_at: string | null;
}

/** A failed one is asked for again; after one that is void there is a new one. */
export const requested = (before: Invoice | undefined, bills: Billing): PendingInvoice => ({
  status: 'pending',
  number: before === undefined ? 1 : before.status === 'void' ? before.number + 1 : before.number,
  bills,
  attempts: 0,
});

/** SK Billing may have been slower than somebody who has reopened the milestone meanwhile: the draft is there, and still to be undone. */
export function drafted(before: Invoice | undefined, { number, invoice_id: id, attempts }: DraftMade, at: string): Invoice | undefined {
  if (before?.number !== number) return before;
  const status = before.status === 'void' ? 'void' : 'drafted';
  return { status, number, bills: before.bills, id, attempts, drafted_at: at };
}

export const failed = (before: Invoice | undefined, { number, error, attempts, next_attempt_at }: DraftFailed): Invoice | undefined =>
  before?.number !== number ? before : { status: 'failed', number, bills: before.bills, error, attempts, next_attempt_at };

export function voided(before: Invoice | undefined): VoidInvoice | undefined {
  if (before === undefined || before.status === 'void') return before;
  const { number, bills, attempts } = before;
  const draft = before.status === 'drafted' ? before : { id: null, drafted_at: null };
  return { status: 'void', number, bills, id: draft.id, attempts, drafted_at: draft.drafted_at };
}
