import type { Pool } from 'pg';
import type { Tenant } from '@works/platform/caller';
import type { TenantTransaction } from '@works/platform/tenancy';
import type { Invoice } from '../domain/invoice';
import type { MilestoneId } from '../domain/milestone';

/** Longer than a call's deadline and the recording after it; a worker that is silent for longer is taken for dead. */
export const LEASE_SECONDS = 15;

/** One invoice to be drafted, leased to one worker. */
export interface Job {
  /** Of the milestone.reached that bills, and so the Idempotency-Key. */
  readonly eventId: string;
  readonly tenant: Tenant;
  readonly milestoneId: MilestoneId;
  readonly number: number;
  readonly leaseToken: string;
}

interface JobRow {
  event_id: string;
  organization_id: string;
  livemode: boolean;
  milestone_id: MilestoneId;
  number: number;
}

/** Each due job goes to one worker only; one whose lease has ended is due again. Jobs of a mode without a key wait until there is one. */
export async function claimDueDrafts(
  workers: Pool,
  { modes, leaseToken, leaseSeconds, limit }: { modes: readonly boolean[]; leaseToken: string; leaseSeconds: number; limit: number },
): Promise<Job[]> {
  const { rows } = await workers.query<JobRow>({
    name: 'invoice_drafts_claim',
    text: `update invoice_drafts d set lease_token = $1, due_at = now() + make_interval(secs => $2)
            where d.event_id = any(array(select due.event_id from invoice_drafts due where due.due_at <= now() and due.livemode = any($4)
                                          order by due.due_at limit $3 for update skip locked))
           returning event_id, organization_id, livemode, milestone_id, number`,
    values: [leaseToken, leaseSeconds, limit, modes],
  });
  return rows.map((row) => ({
    eventId: row.event_id,
    tenant: { organizationId: row.organization_id, livemode: row.livemode },
    milestoneId: row.milestone_id,
    number: row.number,
    leaseToken,
  }));
}

/** Milliseconds until something can be claimed; null when nothing is to be done. */
export async function nextDueInMs(workers: Pool, modes: readonly boolean[]): Promise<number | null> {
  const { rows } = await workers.query<{ ms: number | null }>({
    name: 'invoice_drafts_next',
    text: `select extract(epoch from (select d.due_at from invoice_drafts d where d.livemode = any($1) order by d.due_at limit 1) - now())::float * 1000 as ms`,
    values: [modes],
  });
  return rows[0]?.ms ?? null;
}

/** When a test clock has moved: what waits by it is due that much sooner. An attempt under way has its wait still before it. */
export async function hastenDrafts(tx: TenantTransaction): Promise<void> {
  await tx.query({
    name: 'invoice_drafts_hasten',
    text: `update invoice_drafts d
              set due_at = coalesce((select invoice_due_at(m.organization_id, m.livemode, m.state->'invoice'->>'next_attempt_at')
                                       from milestones m where m.id = d.milestone_id), d.due_at)
            where d.organization_id = $1 and not d.livemode and d.lease_token is null`,
    values: [tx.tenant.organizationId],
  });
}

/** At a graceful stop: what was leased is due at once for the next worker, and no longer ours to record. */
export async function giveBackDrafts(workers: Pool, leaseTokenPrefix: string): Promise<void> {
  await workers.query(`update invoice_drafts set due_at = now(), lease_token = null where lease_token like $1`, [`${leaseTokenPrefix}%`]);
}

/** What is to be asked of SK Billing, made fast before the call: every attempt under this key has the same contact. Null: the lease is lost. */
export async function fixContact(tx: TenantTransaction, job: Job): Promise<{ contact_id: string | null; invoice: Invoice | null } | null> {
  const { rows } = await tx.query<{ contact_id: string | null; invoice: Invoice | null }>({
    name: 'invoice_drafts_fix_contact',
    text: `update invoice_drafts d
              set contact_id = coalesce(d.contact_id, (select p.state->>'contact_id' from projects p
                                                        where p.id = (select m.project_id from milestones m where m.id = d.milestone_id)))
            where d.event_id = $1 and d.lease_token = $2
           returning d.contact_id, (select m.state->'invoice' from milestones m where m.id = d.milestone_id) as invoice`,
    values: [job.eventId, job.leaseToken],
  });
  return rows[0] ?? null;
}

/**
 * The last statement of a recording: false when the lease is lost, and then nothing of the recording may stay. Behind the append and not before it,
 * because commands write the event, then the milestone, then the job: in another order two of them would wait for each other in a circle.
 */
export async function settleDraft(tx: TenantTransaction, { eventId, leaseToken }: Job, { done }: { done: boolean }): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: done ? 'invoice_drafts_end' : 'invoice_drafts_give_back',
    text: done
      ? 'delete from invoice_drafts where event_id = $1 and lease_token = $2'
      : 'update invoice_drafts set lease_token = null where event_id = $1 and lease_token = $2',
    values: [eventId, leaseToken],
  });
  return rowCount === 1;
}
