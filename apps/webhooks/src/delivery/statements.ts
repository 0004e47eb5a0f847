import { randomBytes } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { newId } from '@works/platform/ids';
import { booleans, integers, texts } from '@works/platform/postgres';
import { wholeBody } from '../read-models/event-body';
import { isFirst, isUnreachable, type Leased, type Outcome } from './attempt';
import type { Lane } from './places';

/** A pool, or one connection of it inside a transaction. */
export type Queries = Pool | PoolClient;

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
  next_attempt_at: Date;
  ordered: boolean;
  passed: string | null;
  attempts_made?: number;
  lane?: number;
}

/** As the index of what waits numbers them. */
const LANES: readonly Lane[] = ['first', 'retry', 'replay'];

export const leasedOf = (row: LeasedRow, leaseToken: string): Leased => ({
  lane: LANES[row.lane ?? 0]!,
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
  body: wholeBody(row.body),
  dueAt: row.next_attempt_at,
  ordered: row.ordered,
  passed: row.passed,
  attemptsMade: row.attempts_made ?? 0,
});

/** How deliveries are taken: under which token, for how long, and how many of an organization may be leased at one time, by all workers together. */
export interface Lease {
  readonly leaseToken: string;
  readonly leaseSeconds: number;
  readonly organizationMax: number;
}

export interface Claim {
  readonly leased: Leased[];
  /** More is due than there were places for. */
  readonly passedOver: boolean;
  /** Milliseconds until the next one is due, or let go by the rate of its endpoint; null when nothing waits for a time to come. */
  readonly nextInMs: number | null;
}

/** See works_claim_deliveries in the migration. */
export async function claimDueDeliveries(
  pool: Pool,
  { leaseToken, leaseSeconds, organizationMax, first, retries, replays }: Lease & { first: number; retries: number; replays: number },
): Promise<Claim> {
  const { rows } = await pool.query<LeasedRow & { waiting: boolean; next_in_ms: number | null }>({
    name: 'works_claim_deliveries',
    text: 'select * from works_claim_deliveries($1, $2, $3, $4, $5, $6)',
    values: [leaseToken, leaseSeconds, first, retries, replays, organizationMax],
  });
  const rest = rows.pop()!;
  return { leased: rows.map((row) => leasedOf(row, leaseToken)), passedOver: rest.waiting, nextInMs: rest.next_in_ms };
}

/** See works_claim_expired in the migration. */
export async function claimExpired(
  pool: Pool,
  { before, leaseToken, leaseSeconds, limit }: Omit<Lease, 'organizationMax'> & { before: Date; limit: number },
): Promise<Leased[]> {
  const { rows } = await pool.query<LeasedRow>('select * from works_claim_expired($1, $2, $3, $4)', [
    before,
    leaseToken,
    leaseSeconds,
    limit,
  ]);
  return rows.map((row) => leasedOf(row, leaseToken));
}

/** What was leased by workers that did not come back in time is due again. */
export async function endLeases(pool: Pool): Promise<void> {
  await pool.query({ name: 'works_end_leases', text: 'select works_end_leases()' });
}

/** Holds until the session ends. */
export async function showWorker(session: PoolClient, workerId: string): Promise<void> {
  await session.query('select works_show_worker($1)', [workerId]);
}

/** Workers that have leases and no session. */
export async function absentWorkers(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ worker: string }>({
    name: 'works_absent_workers',
    text: 'select * from works_absent_workers() as worker',
  });
  return rows.map(({ worker }) => worker);
}

/** Resolves with how many leases of these workers were ended. */
export async function endLeasesOf(pool: Pool, workers: readonly string[]): Promise<number> {
  const { rows } = await pool.query<{ ended: number }>('select works_end_leases_of($1) as ended', [workers]);
  return rows[0]!.ended;
}

export interface NewEvent {
  readonly id: string;
  readonly organizationId: string;
  readonly livemode: boolean;
  readonly type: string;
  readonly subject: string;
  readonly projectId: string | null;
  readonly timestamp: string;
  readonly previousEvent: string | null;
  readonly causedBy: string | null;
  /** It comes behind events that followed it, and is marked so whatever it depends on. */
  readonly outOfOrder?: boolean;
  /** The object's JSON, without its position: that stands between the two. */
  readonly before: string;
  readonly after: string;
}

/** How events stand that are to be numbered. */
export type Order =
  /** As nobody has verified: they are refused unless these ids, which they await beyond each other, have their numbers, and nothing waits for them. */
  | { readonly awaited: readonly string[] }
  /** As was arranged in this transaction; whether each goes on without something that it awaits. */
  | { readonly outOfOrder: readonly boolean[] };

export interface Numbered {
  /** Ours to send. */
  readonly leased: Leased[];
  /** Other deliveries wait for a claim. */
  readonly waiting: boolean;
  /** Endpoints whose sequence has moved on. */
  readonly endpointIds: string[];
}

/** See works_fan_out in the migration. Null when the events cannot be numbered as they stand; then nothing has happened. */
export async function numberEvents(
  queries: Queries,
  events: readonly NewEvent[],
  order: Order,
  { leaseToken, leaseSeconds, capacity, organizationMax }: Lease & { capacity: number },
): Promise<Numbered | null> {
  const arranged = 'outOfOrder' in order;
  const { rows } = await (queries as Pool).query<LeasedRow & { waiting: boolean }>({
    name: 'works_fan_out',
    text: 'select * from works_fan_out($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)',
    values: [
      ...columnsOf(events),
      deliverySeed(),
      leaseToken,
      leaseSeconds,
      capacity,
      organizationMax,
      booleans(events.map((event, index) => event.outOfOrder === true || (arranged && order.outOfOrder[index]!))),
      texts(arranged ? [] : order.awaited),
      arranged,
    ],
  });
  if (rows.length === 1 && rows[0]!.delivery_id === null) return null;
  const leased = rows.filter((row) => row.body !== null).map((row) => leasedOf(row, leaseToken));
  return { leased, waiting: rows.some((row) => row.waiting), endpointIds: rows.map((row) => row.endpoint_id) };
}

const columnsOf = (events: readonly NewEvent[]) => [
  texts(events.map((event) => event.id)),
  texts(events.map((event) => event.organizationId)),
  booleans(events.map((event) => event.livemode)),
  texts(events.map((event) => event.type)),
  texts(events.map((event) => event.subject)),
  texts(events.map((event) => event.projectId)),
  events.map((event) => event.timestamp),
  texts(events.map((event) => event.before)),
  texts(events.map((event) => event.after)),
];

export interface Tenant {
  readonly organizationId: string;
  readonly livemode: boolean;
}

interface EarlyRow {
  numbered: string[] | null;
  id: string;
  organization_id: string;
  livemode: boolean;
  type: string;
  subject: string;
  project_id: string | null;
  occurred_at: Date;
  before: string;
  after: string;
  previous_event: string | null;
  caused_by: string | null;
}

/**
 * Locks the tenants. Resolves with what of theirs is held and is, or awaits, one of `ids`, directly or through others (of these `max`); and with
 * which of `ids`, of `awaited` and of what the held ones await have a number. See works_early in the migration.
 */
export async function earlyEvents(
  client: PoolClient,
  { tenants, ids, awaited, max }: { tenants: readonly Tenant[]; ids: readonly string[]; awaited: readonly string[]; max: number },
): Promise<{ held: NewEvent[]; numbered: Set<string> }> {
  const { rows } = await client.query<EarlyRow>({
    name: 'works_early',
    text: 'select * from works_early($1, $2, $3, $4, $5)',
    values: [
      texts(tenants.map((tenant) => tenant.organizationId)),
      booleans(tenants.map((tenant) => tenant.livemode)),
      texts(ids),
      texts(awaited),
      max,
    ],
  });
  const [{ numbered }, ...held] = rows as [EarlyRow, ...EarlyRow[]];
  return { numbered: new Set(numbered), held: held.map(heldEventOf) };
}

const heldEventOf = (row: EarlyRow): NewEvent => ({
  id: row.id,
  organizationId: row.organization_id,
  livemode: row.livemode,
  type: row.type,
  subject: row.subject,
  projectId: row.project_id,
  timestamp: row.occurred_at.toISOString(),
  previousEvent: row.previous_event,
  causedBy: row.caused_by,
  before: row.before,
  after: row.after,
});

/** See works_hold in the migration. Rejects as in an outage when an organization would have more than `max` held. */
export async function holdEvents(client: PoolClient, events: readonly NewEvent[], waitSeconds: number, max: number): Promise<void> {
  await client.query({
    name: 'works_hold',
    text: 'select works_hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)',
    values: [
      ...columnsOf(events),
      texts(events.map((event) => event.previousEvent)),
      texts(events.map((event) => event.causedBy)),
      waitSeconds,
      max,
    ],
  });
}

/** What was held has its number now. */
export async function forgetEarly(client: PoolClient, ids: readonly string[]): Promise<void> {
  await client.query({ name: 'works_forget_early', text: 'delete from early_events where id = any ($1)', values: [texts(ids)] });
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

export interface Recorded {
  /** A result whose lease was lost is not recorded. */
  readonly recorded: number;
  /** The next in a line is due now. */
  readonly released: boolean;
  /** Endpoints that have only failed for longer than we are patient. */
  readonly failing: readonly string[];
}

/** See works_record_attempts in the migration. */
export async function recordAttempts(queries: Queries, results: readonly Result[], patienceSeconds: number): Promise<Recorded> {
  const { rows } = await (queries as Pool).query<{ answer: Recorded }>({
    name: 'works_record_attempts',
    text: 'select works_record_attempts($1, $2) as answer',
    values: [JSON.stringify(results.map(rowOf)), patienceSeconds],
  });
  return rows[0]!.answer;
}

/**
 * Records, and leases to us what waits for the endpoints whose first attempts have left their places by it. See works_record_and_hand_over in the
 * migration.
 */
export async function recordAndHandOver(
  pool: Pool,
  results: readonly Result[],
  patienceSeconds: number,
  { leaseToken, leaseSeconds, organizationMax }: Lease,
): Promise<Recorded & { handedOver: Leased[] }> {
  const places = new Map<string, number>();
  for (const { leased } of results) if (isFirst(leased)) places.set(leased.endpointId, (places.get(leased.endpointId) ?? 0) + 1);
  const { rows } = await pool.query<LeasedRow & { answer: Recorded | null }>({
    name: 'works_record_and_hand_over',
    text: 'select * from works_record_and_hand_over($1, $2, $3, $4, $5, $6, $7)',
    values: [
      ...[JSON.stringify(results.map(rowOf)), patienceSeconds, texts([...places.keys()]), integers([...places.values()])],
      ...[leaseToken, leaseSeconds, organizationMax],
    ],
  });
  const [{ answer }, ...handedOver] = rows as [(typeof rows)[number], ...typeof rows];
  return { handedOver: handedOver.map((row) => leasedOf(row, leaseToken)), ...answer! };
}

const rowOf = ({ attemptId, leased, number, outcome, status, nextAttemptAt }: Result) => ({
  attempt_id: attemptId,
  delivery_id: leased.deliveryId,
  endpoint_id: leased.endpointId,
  lease_token: leased.leaseToken,
  ordered: leased.ordered,
  number,
  started_at: outcome.startedAt,
  ended_at: outcome.endedAt,
  status_code: outcome.statusCode,
  failed: outcome.error !== null,
  unreachable: isUnreachable(outcome),
  error: outcome.error,
  duration_ms: outcome.durationMs,
  timings: outcome.timings,
  address: outcome.address,
  response_body: outcome.responseBody,
  response_headers: outcome.responseHeaders,
  status,
  next_attempt_at: nextAttemptAt,
});

/** What was leased and will not be begun is due at once, for whoever has a place for it. */
export async function giveBack(pool: Pool, leased: readonly Leased[]): Promise<void> {
  await pool.query(
    `update deliveries_pending d set due_at = now(), lease_token = null from unnest($1::text[], $2::text[]) as l(id, token)
      where d.id = l.id and d.lease_token = l.token and d.status = 'pending'`,
    [leased.map(({ deliveryId }) => deliveryId), leased.map(({ leaseToken }) => leaseToken)],
  );
}

/** At a graceful stop: what was leased and not begun is due at once for the next worker. */
export async function giveBackLeases(pool: Pool, leaseTokenPrefix: string): Promise<void> {
  await pool.query(`update deliveries_pending set due_at = now(), lease_token = null where status = 'pending' and lease_token like $1`, [
    `${leaseTokenPrefix}%`,
  ]);
}

/** Those that the organizations' log does not have, does not hold back, and has not let go with age: one look-up each, by the log's own ids. */
export async function unknownEvents(queries: Queries, ids: readonly string[], eventRetentionDays: number): Promise<string[]> {
  const { rows } = await (queries as Pool).query<{ id: string }>(
    `select f.id from unnest($1::text[]) as f(id)
      where f.id collate "C" >= works_first_event_id(current_date - $2::integer) and (select true from event_log l where l.id = f.id) is null
        and (select true from early_events h where h.id = f.id) is null`,
    [ids, eventRetentionDays],
  );
  return rows.map(({ id }) => id);
}
