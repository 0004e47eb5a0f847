import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { newId } from '@works/platform/ids';
import type { Leased, Outcome } from './attempt';
import type { Lane } from './places';

/** Longer than an attempt's deadline and the recording after it; a worker that is silent for longer is taken for dead. */
export const LEASE_SECONDS = 30;

interface LeasedRow {
  delivery_id: string;
  endpoint_id: string;
  event_id: string;
  event_type: string;
  sequence: string;
  organization_id: string;
  livemode: boolean;
  url: string;
  headers: Record<string, string>;
  secret: string;
  max_in_flight: number;
  body: string;
  attempts_made?: number;
}

export const leasedOf = (row: LeasedRow, leaseToken: string, lane: Lane): Leased => ({
  lane,
  deliveryId: row.delivery_id,
  leaseToken,
  endpointId: row.endpoint_id,
  eventId: row.event_id,
  eventType: row.event_type,
  sequence: row.sequence,
  organizationId: row.organization_id,
  livemode: row.livemode,
  url: row.url,
  headers: row.headers,
  secret: row.secret,
  maxInFlight: row.max_in_flight,
  body: row.body,
  attemptsMade: row.attempts_made ?? 0,
});

/** How deliveries are taken: under which token, for how long, and how many places are left at the endpoints that are busy with us. */
interface Lease {
  readonly leaseToken: string;
  readonly leaseSeconds: number;
  readonly free: Record<string, number>;
}

/** As the index of what waits numbers them. */
const LANES: Record<Lane, number> = { first: 0, retry: 1, replay: 2 };

export async function claimDueDeliveries(
  pool: Pool,
  { lane, leaseToken, leaseSeconds, limit, free }: Lease & { lane: Lane; limit: number },
): Promise<Leased[]> {
  const { rows } = await pool.query<LeasedRow>({
    name: 'works_claim_deliveries',
    text: 'select * from works_claim_deliveries($1, $2, $3, $4, $5)',
    values: [LANES[lane], leaseToken, leaseSeconds, limit, JSON.stringify(free)],
  });
  return rows.map((row) => leasedOf(row, leaseToken, lane));
}

export interface NewEvent {
  readonly id: string;
  readonly organizationId: string;
  readonly livemode: boolean;
  readonly type: string;
  readonly subject: string;
  readonly projectId: string | null;
  readonly timestamp: string;
  /** The object's JSON, without its position: that stands between the two. */
  readonly before: string;
  readonly after: string;
}

/**
 * See works_fan_out in the migration. Resolves with what is leased to us, whether other deliveries wait for a claim, and the endpoints whose
 * sequence has moved on.
 */
export async function fanOut(
  pool: Pool,
  events: readonly NewEvent[],
  { leaseToken, leaseSeconds, capacity, free }: Lease & { capacity: number },
): Promise<{ leased: Leased[]; waiting: boolean; endpointIds: string[] }> {
  const { rows } = await pool.query<LeasedRow & { waiting: boolean }>({
    name: 'works_fan_out',
    text: 'select * from works_fan_out($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)',
    values: [
      events.map((event) => event.id),
      events.map((event) => event.organizationId),
      events.map((event) => event.livemode),
      events.map((event) => event.type),
      events.map((event) => event.subject),
      events.map((event) => event.projectId),
      events.map((event) => event.timestamp),
      events.map((event) => event.before),
      events.map((event) => event.after),
      deliverySeed(),
      leaseToken,
      leaseSeconds,
      capacity,
      JSON.stringify(free),
    ],
  });
  const leased = rows.filter((row) => !row.waiting).map((row) => leasedOf(row, leaseToken, 'first'));
  return { leased, waiting: leased.length < rows.length, endpointIds: rows.map((row) => row.endpoint_id) };
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * What the ids of deliveries begin with that one statement makes: the time of a ULID and ten characters of chance; the statement counts up the last six.
 * Not the beginning of a ULID as it is made: those of one millisecond differ only at the end.
 */
export const deliverySeed = (): string =>
  newId('dlv').slice('dlv_'.length, 'dlv_'.length + 10) + Array.from(randomBytes(10), (byte) => CROCKFORD[byte & 31]).join('');

export interface Result {
  readonly attemptId: string;
  readonly leased: Leased;
  readonly number: number;
  readonly outcome: Outcome;
  readonly status: 'pending' | 'delivered' | 'dead';
  readonly nextAttemptAt: Date | null;
}

/** Resolves with how many were recorded; a result whose lease was lost is not. */
export async function recordAttempts(pool: Pool, results: readonly Result[]): Promise<number> {
  const { rows } = await pool.query<{ recorded: number }>({
    name: 'works_record_attempts',
    text: 'select works_record_attempts($1) as recorded',
    values: [JSON.stringify(results.map(rowOf))],
  });
  return rows[0]!.recorded;
}

const rowOf = ({ attemptId, leased, number, outcome, status, nextAttemptAt }: Result) => ({
  attempt_id: attemptId,
  delivery_id: leased.deliveryId,
  lease_token: leased.leaseToken,
  number,
  started_at: outcome.startedAt,
  ended_at: outcome.endedAt,
  status_code: outcome.statusCode,
  error: outcome.error,
  duration_ms: outcome.durationMs,
  timings: outcome.timings,
  address: outcome.address,
  response_body: outcome.responseBody,
  response_headers: outcome.responseHeaders,
  status,
  next_attempt_at: nextAttemptAt,
});

/** Milliseconds until the next delivery of an enabled endpoint can be due; null when nothing waits for a time to come. */
export async function nextDueInMs(pool: Pool): Promise<number | null> {
  const { rows } = await pool.query<{ ms: number | null }>({
    name: 'works_next_due',
    text: `select extract(epoch from (select d.due_at from deliveries d where d.status = 'pending' and d.due_at > now() order by d.due_at limit 1) - now())::float * 1000 as ms`,
  });
  return rows[0]?.ms ?? null;
}

/** What was leased and will not be begun is due at once, for whoever has a place for it. */
export async function giveBack(pool: Pool, leased: readonly Leased[]): Promise<void> {
  await pool.query(
    `update deliveries d set due_at = now(), lease_token = null from unnest($1::text[], $2::text[]) as l(id, token)
      where d.id = l.id and d.lease_token = l.token and d.status = 'pending'`,
    [leased.map(({ deliveryId }) => deliveryId), leased.map(({ leaseToken }) => leaseToken)],
  );
}

/** At a graceful stop: what was leased and not begun is due at once for the next worker. */
export async function giveBackLeases(pool: Pool, leaseTokenPrefix: string): Promise<void> {
  await pool.query(`update deliveries set due_at = now(), lease_token = null where status = 'pending' and lease_token like $1`, [
    `${leaseTokenPrefix}%`,
  ]);
}

/** 410 Gone: the receiver has said that it will not come back. Its deliveries wait until somebody enables it again. */
export async function disableEndpoint(pool: Pool, endpointId: string, reason: string): Promise<void> {
  await pool.query(
    `update webhook_endpoints set status = 'disabled', disabled_reason = $2, version = version + 1, updated_at = now() where id = $1 and status = 'enabled'`,
    [endpointId, reason],
  );
}
