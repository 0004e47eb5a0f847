import type { Pool } from 'pg';
import { Counter, type Registry } from 'prom-client';
import type { Tenant } from '@works/platform/caller';
import { isLostRace, record, type Cause, type EventStore } from '@works/platform/event-store';
import { newId } from '@works/platform/ids';
import type { Logger } from '@works/platform/logging';
import { Lookout } from '@works/platform/lookout';
import type { TenantDatabase, TenantTransaction } from '@works/platform/tenancy';
import { milestones } from '../aggregates';
import { nextAttemptAt } from '../domain/invoice-schedule';
import { noteDraft, noteFailure } from '../domain/invoicing';
import type { MilestoneEvent } from '../domain/milestone';
import { nowIn } from '../test-clock';
import { MILESTONE_COLUMNS, type MilestoneRow } from '../read-models/milestone-rows';
import type { Billing, DraftAnswer } from './billing';
import { claimDueDrafts, fixContact, giveBackDrafts, LEASE_SECONDS, nextDueInMs, settleDraft, type Job } from './statements';

/** Calls of SK Billing under way in this process: enough to be quick, few enough not to be what keeps it down. */
const CALLS_MAX = 8;
/** Whoever reaches a milestone wakes us, and timers the rest; this bounds how long the death of the one that would have gone unnoticed. */
const LOOK_EVERY_MS = 5_000;
/** What a graceful stop gives calls to end by themselves. */
const GRACE_MS = 3_000;
/** A recording that loses a race against a command decides again this often; after that the lease ends, and it begins anew. */
const TRIES_MAX = 5;

const NO_CONTACT = 'The project has no contact_id: an invoice needs somebody to go to. Set it, and retry.';

export interface DrafterParts {
  /** Null: none is configured, and nothing is drafted. */
  readonly billing: Billing | null;
  readonly workers: Pool;
  readonly database: TenantDatabase;
  readonly store: EventStore;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly leaseSeconds?: number;
  readonly graceMs?: number;
}

/**
 * Drafts the invoices of milestones that were reached: claims, commits, calls SK Billing, and records. Any number of instances share the work. Whatever
 * dies in between, the same call is made again under the same key, so that an invoice is drafted once.
 */
export class InvoiceDrafter {
  private readonly workerId = newId('wrk');
  private readonly underWay = new Set<Promise<void>>();
  private readonly attempts: Counter<'outcome'>;
  private readonly lookout = new Lookout(() => this.look());
  private tokens = 0;

  constructor(private readonly parts: DrafterParts) {
    this.attempts = new Counter({
      name: 'works_invoice_attempts_total',
      help: 'Invoices asked of SK Billing, by what came of it.',
      labelNames: ['outcome'],
      registers: [parts.registry],
    });
  }

  /** Whether reaching a milestone asks for its invoice. */
  draftsIn({ livemode }: Tenant): boolean {
    return this.modes.includes(livemode);
  }

  start(): void {
    if (this.modes.length > 0) this.lookout.start();
  }

  /** Looks for what is due now. */
  wake(): void {
    this.lookout.wake();
  }

  /** Gives calls under way some time to end, and the rest back to whoever goes on. */
  async stop(): Promise<void> {
    const { billing, workers, graceMs = GRACE_MS } = this.parts;
    await this.lookout.stop();
    await Promise.race([Promise.all(this.underWay), new Promise((resolve) => setTimeout(resolve, graceMs).unref())]);
    if (billing !== null) await giveBackDrafts(workers, `${this.workerId}.`).catch(() => undefined);
    await billing?.close();
    await Promise.all(this.underWay);
  }

  private get modes(): readonly boolean[] {
    return this.parts.billing?.modes ?? [];
  }

  private async look(): Promise<number | null> {
    const { workers, logger, leaseSeconds = LEASE_SECONDS } = this.parts;
    const { modes } = this;
    try {
      const limit = CALLS_MAX - this.underWay.size;
      // With no place free there is nothing to look for: each call that ends looks.
      if (limit === 0) return null;
      const jobs = await claimDueDrafts(workers, { modes, limit, leaseSeconds, leaseToken: `${this.workerId}.${++this.tokens}` });
      for (const job of jobs) this.begin(job);
      return jobs.length === limit ? LOOK_EVERY_MS : Math.min((await nextDueInMs(workers, modes)) ?? LOOK_EVERY_MS, LOOK_EVERY_MS);
    } catch (error) {
      logger.warn({ err: error }, 'looking for invoices to draft failed; it is tried again');
      return LOOK_EVERY_MS;
    }
  }

  private begin(job: Job): void {
    const drafting = this.draft(job)
      .catch((error: unknown) => {
        const { eventId: event_id, milestoneId: milestone_id } = job;
        this.parts.logger.warn({ err: error, event_id, milestone_id }, 'an invoice could not be seen to; its lease will end by the clock');
      })
      .finally(() => {
        this.underWay.delete(drafting);
        this.wake();
      });
    this.underWay.add(drafting);
  }

  private async draft(job: Job): Promise<void> {
    const { billing, database } = this.parts;
    const { eventId: idempotencyKey, tenant, number } = job;
    const asked = await database.transaction(tenant, (tx) => fixContact(tx, job));
    if (asked === null) return;
    const { contact_id: contactId, invoice } = asked;
    const isWanted = invoice?.number === number && (invoice.status === 'pending' || invoice.status === 'failed');
    if (!isWanted) return void (await database.transaction(tenant, (tx) => settleDraft(tx, job, { done: true })));
    const answer = contactId === null ? null : await billing!.draft({ idempotencyKey, ...tenant, contactId, bills: invoice.bills });
    this.attempts.inc({ outcome: answer?.outcome ?? 'no_contact' });
    await this.record(job, answer);
    this.say(job, answer);
  }

  /** One wide line per attempt. */
  private say({ eventId, milestoneId, tenant }: Job, answer: DraftAnswer | null): void {
    const ids = { event_id: eventId, milestone_id: milestoneId, organization_id: tenant.organizationId, livemode: tenant.livemode };
    this.parts.logger.info({ ...ids, ...(answer ?? { outcome: 'no_contact' }) }, 'invoice asked for');
  }

  private async record(job: Job, answer: DraftAnswer | null): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.parts.database.transaction(job.tenant, (tx) => this.recordIn(tx, job, answer));
      } catch (error) {
        if (error instanceof LeaseLost) return;
        if (!isLostRace(error) || tries === TRIES_MAX) throw error;
      }
    }
  }

  private async recordIn(tx: TenantTransaction, job: Job, answer: DraftAnswer | null): Promise<void> {
    const { rows } = await tx.query<MilestoneRow>({
      name: 'milestones_with_progress',
      text: `select ${MILESTONE_COLUMNS} from milestones m where m.id = $1`,
      values: [job.milestoneId],
    });
    const now = await nowIn(tx);
    const events = eventsOf(rows[0]!, job, answer, now);
    const change = events.length === 0 ? null : record(milestones, { id: job.milestoneId, ...rows[0]! }, events);
    if (change !== null) await this.parts.store.append(tx, [change], causeOf(job, now));
    const invoice = change?.after.invoice;
    const done = !(invoice?.number === job.number && invoice.status === 'failed' && invoice.next_attempt_at !== null);
    if (!(await settleDraft(tx, job, { done }))) throw new LeaseLost();
  }
}

/** Somebody else has the job by now, and records what comes of it. */
class LeaseLost extends Error {}

function eventsOf({ state, progress, open_tasks }: MilestoneRow, { number }: Job, answer: DraftAnswer | null, now: Date): MilestoneEvent[] {
  const then = { progress, open_tasks, at: now.toISOString() };
  if (answer === null) return noteFailure(state, number, { error: NO_CONTACT, called: false, next_attempt_at: null }, then);
  if (answer.outcome === 'drafted') return noteDraft(state, number, answer.invoiceId, then);
  const attempts = (state.invoice?.attempts ?? 0) + 1;
  const circumstances = answer.outcome === 'later' ? { retryAfterMs: answer.retryAfterMs, chance: Math.random() } : null;
  const next = circumstances === null ? null : nextAttemptAt(attempts, now, circumstances);
  return noteFailure(state, number, { error: answer.error, called: true, next_attempt_at: next?.toISOString() ?? null }, then);
}

const causeOf = ({ tenant }: Job, now: Date): Cause => ({
  caller: { ...tenant, actor: { type: 'system', id: 'sk_billing' }, scopes: [], timeZone: 'UTC' },
  now,
  requestId: null,
  idempotencyKey: null,
  traceparent: null,
});
