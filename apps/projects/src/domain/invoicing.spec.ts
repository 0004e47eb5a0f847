import { specificationOf } from '@works/platform/testing';
import { aGate, KEY, milestoneAfter, MORNING, NOON } from './delivery.examples';
import { noteDraft, noteFailure, requestInvoice } from './invoicing';
import { addMilestone, evolve, reachMilestone, reachWhenDone, reopenMilestone, type Milestone, type MilestoneEvent } from './milestone';

const given = specificationOf(evolve);
const bills = { items: [{ catalog_item_id: 'itm_01JD8K3V9QWERTYASDFGHZXCVB', qty: 1 }], due_in_days: 7 };
const then = { progress: { tasks: 2, tasks_completed: 2 }, open_tasks: [], at: NOON };

const added = (billing: typeof bills | null = bills) => addMilestone(aGate({ billing }), MORNING);
const reached: MilestoneEvent = { type: 'milestone.reached', data: { sign_off: null, progress: then.progress, bills, at: NOON } };
const unbilled: MilestoneEvent = { type: 'milestone.reached', data: { sign_off: null, progress: then.progress, at: NOON } };
const reopened: MilestoneEvent = { type: 'milestone.reopened', data: then };
const asked: MilestoneEvent = { type: 'milestone.invoice_requested', data: { bills, ...then } };
const drafted = (number: number, attempts = 1): MilestoneEvent => ({
  type: 'milestone.invoice_drafted',
  data: { number, invoice_id: `inv_${number}`, attempts, ...then },
});
const failed = (attempts: number, next_attempt_at: string | null): MilestoneEvent => ({
  type: 'milestone.invoice_failed',
  data: { number: 1, error: 'SK Billing answered 503.', attempts, next_attempt_at, ...then },
});

const requesting =
  (invoicing = true) =>
  (milestone: Milestone) =>
    requestInvoice(milestone, { invoicing, ...then });
const drafting = (number: number) => (milestone: Milestone) => noteDraft(milestone, number, `inv_${number}`, then);
const failing =
  (next_attempt_at: string | null, { number = 1, called = true } = {}) =>
  (milestone: Milestone) =>
    noteFailure(milestone, number, { error: 'SK Billing answered 503.', called, next_attempt_at }, then);
const invoiceAfter = (...history: MilestoneEvent[]) => milestoneAfter(...history).invoice;

describe('reaching a milestone that bills', () => {
  const word = { by: KEY, note: null, openTasks: [], progress: then.progress, projectStatus: 'active', at: NOON } as const;

  it('asks for its invoice, by itself and by a word', () => {
    given(added())
      .when((milestone) => reachWhenDone(milestone, then.progress, NOON, true))
      .then(reached);
    expect(reachMilestone(milestoneAfter(added()), { ...word, invoicing: true })[0]!.data).toMatchObject({ bills });
    expect(invoiceAfter(added(), reached)).toEqual({ status: 'pending', number: 1, bills, attempts: 0 });
  });
  it('asks for none without billing on either side', () => {
    given(added(null))
      .when((milestone) => reachWhenDone(milestone, then.progress, NOON, true))
      .then(unbilled);
    given(added())
      .when((milestone) => reachWhenDone(milestone, then.progress, NOON))
      .then(unbilled);
    expect(milestoneAfter(added(), unbilled)).not.toHaveProperty('invoice');
  });
  it('a second time asks for another, whatever became of the first', () => {
    for (const first of [[], [drafted(1)], [failed(3, null)]])
      expect(invoiceAfter(added(), reached, ...first, reopened, reached)).toEqual({ status: 'pending', number: 2, bills, attempts: 0 });
  });
});

describe('a draft', () => {
  it('is noted once, with the attempts that it took', () => {
    given(added(), reached).when(drafting(1)).then(drafted(1));
    given(added(), reached, failed(1, NOON)).when(drafting(1)).then(drafted(1, 2));
    given(added(), reached, drafted(1)).when(drafting(1)).thenNothing();
  });
  it('that comes after the reopening is void, and told', () => {
    given(added(), reached, reopened).when(drafting(1)).then(drafted(1));
    expect(invoiceAfter(added(), reached, reopened, drafted(1))).toMatchObject({ status: 'void', id: 'inv_1', drafted_at: NOON });
  });
  it('that comes after the next reaching is told, and leaves the next invoice as it is', () => {
    given(added(), reached, reopened, reached).when(drafting(1)).then(drafted(1));
    expect(invoiceAfter(added(), reached, reopened, reached, drafted(1))).toMatchObject({ number: 2, status: 'pending' });
  });
  it('is void once its milestone is reopened', () =>
    expect(
      milestoneAfter(
        added(),
        reached,
        drafted(1),
        ...reopenMilestone(milestoneAfter(added(), reached, drafted(1)), { ...then, projectStatus: 'active' }),
      ),
    ).toMatchObject({ status: 'pending', invoice: { status: 'void', id: 'inv_1', number: 1 } }));
});

describe('a failure', () => {
  it('counts, and says when it is tried again', () => {
    given(added(), reached).when(failing(NOON)).then(failed(1, NOON));
    given(added(), reached, failed(1, NOON)).when(failing(null)).then(failed(2, null));
  });
  it('before the call is no attempt', () =>
    given(added(), reached)
      .when(failing(null, { called: false }))
      .then(failed(0, null)));
  it('of what is drafted, void or long past is no news', () => {
    given(added(), reached, drafted(1)).when(failing(NOON)).thenNothing();
    given(added(), reached, reopened).when(failing(NOON)).thenNothing();
    given(added(), reached, reopened, reached).when(failing(NOON)).thenNothing();
  });
});

describe('asking for the invoice again', () => {
  it('begins anew, with what was to be billed when the milestone was reached', () => {
    const changed: MilestoneEvent = { type: 'milestone.updated', data: { changed: { billing: null }, ...then } };
    for (const next of [null, NOON]) given(added(), reached, failed(4, next), changed).when(requesting()).then(asked);
    expect(invoiceAfter(added(), reached, failed(4, null), asked)).toEqual({ status: 'pending', number: 1, bills, attempts: 0 });
  });
  it('is asking for the first time where the milestone was reached without', () => {
    given(added(), unbilled).when(requesting()).then(asked);
    expect(invoiceAfter(added(), reached, drafted(1), reopened, unbilled, asked)).toMatchObject({ number: 2, status: 'pending' });
  });
  it('changes nothing while it is pending, or once it is drafted', () => {
    given(added(), reached).when(requesting(false)).thenNothing();
    given(added(), reached, drafted(1)).when(requesting(false)).thenNothing();
  });
  it('is refused where there is nothing to draft', () => {
    given(added()).when(requesting()).thenRefused('no_invoice');
    given(added(), reached, reopened).when(requesting()).thenRefused('no_invoice');
    given(added(null), unbilled).when(requesting()).thenRefused('no_invoice');
  });
  it('is refused where there is nobody to ask', () =>
    given(added(), reached, failed(1, null)).when(requesting(false)).thenRefused('billing_not_configured'));
});
