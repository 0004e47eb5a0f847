import type { Milestone, MilestoneInvoice } from './milestone';
import type { UpdateMilestoneBody } from './requests';

/** The `data` of `milestone.added`: a milestone that was added to a project later. Planned ones are told with their project. */
export type MilestoneAddedData = {
  milestone: Milestone;
  previous: Record<string, never>;
};

/** The `data` of `milestone.updated`: the milestone right after it, and exactly what changed, as that was before. */
export type MilestoneUpdatedData = {
  milestone: Milestone;
  previous: Partial<Pick<Milestone, keyof UpdateMilestoneBody>>;
};

/** The `data` of `milestone.reached`: the milestone right after it, and what it changed, as that was before. */
export type MilestoneEventData = {
  milestone: Milestone;
  previous: Partial<Pick<Milestone, 'status' | 'invoice'>>;
};

/**
 * The `data` of `milestone.reopened`: `previous` says when and by whose word it had been reached, so that what followed can be undone; an invoice
 * that had been asked for is in it as it was, and void in `milestone`.
 */
export type MilestoneReopenedData = {
  milestone: Milestone;
  previous: Pick<Milestone, 'status' | 'sign_off' | 'reached_at'> & Partial<Pick<Milestone, 'invoice'>>;
};

/**
 * The `data` of `milestone.invoice_requested`, `milestone.invoice_drafted` and `milestone.invoice_failed`. `invoice` is the one that it is about: the
 * milestone's own, or, when SK Billing has answered only after the milestone was reopened and reached again, an earlier one, which is then void.
 */
export type MilestoneInvoiceData = {
  milestone: Milestone;
  invoice: MilestoneInvoice;
  previous: Partial<Pick<Milestone, 'invoice'>>;
};
