import type { Pool, PoolClient } from 'pg';
import { timeOfId, type Id } from '@works/platform/ids';
import { giveBack } from '@works/platform/postgres';
import { awaitedBy, inCausalOrder } from '../domain/causal-order';
import type { RecentlyNumbered } from './recently-numbered';
import {
  earlyEvents,
  forgetEarly,
  holdEvents,
  numberEvents,
  type Lease,
  type NewEvent,
  type Numbered,
  type Queries,
  type Tenant,
} from './statements';

/** How long an event waits for others before their owners are asked. Longer than a busy log takes from one topic to the next. */
export const HOLD_SECONDS = 30;

/** Events that one organization may have held in one mode. With an event of a kilobyte or two this is some 200 MB of rows. */
export const HELD_MAX = 100_000;

/** What was held and is numbered in one transaction, as much as arrives in one; the rest follows in the next. */
const RELEASED_MAX = 500;

/** Why an event was numbered without one that it depends on. */
export type GivenUp = 'never_public' | 'past_retention' | 'unknown' | 'dead_letter';

export interface Circumstances {
  /** What this process has seen numbered. */
  readonly lately?: RecentlyNumbered;
  /** Ids made before this, in ms since 1970, are of events that the log need not have any more. Default: none. */
  readonly keptFromMs?: number;
  readonly holdSeconds?: number;
  readonly heldMax?: number;
}

/** Arrivals, and what may be ready because of something that has happened already. */
export interface Work {
  readonly events: readonly NewEvent[];
  /** Events that are held and may be ready, or for which others may be held in vain. */
  readonly ids?: readonly string[];
  /** Of `ids`. */
  readonly tenants?: readonly Tenant[];
  /** Events that will not come, and why. */
  readonly givenUp?: ReadonlyMap<string, GivenUp>;
}

export interface Released {
  readonly event: NewEvent;
  readonly reason: 'arrived' | GivenUp;
}

export interface FannedOut extends Numbered {
  /** Arrivals that are held now. */
  readonly held: number;
  /** What was held and has its number now. */
  readonly released: readonly Released[];
  /** What is to follow at once: more was ready than one transaction takes. */
  readonly rest: Work | null;
}

/**
 * Numbers events in causal order, keeps them, makes their deliveries and leases some of these to us; holds back what came before something that it
 * depends on, and numbers what was held for these. Whatever of it has happened already does not happen again. With a connection: in its transaction.
 */
export async function fanOut(
  queries: Queries,
  work: Work | readonly NewEvent[],
  lease: Lease & { capacity: number },
  circumstances: Circumstances = {},
): Promise<FannedOut> {
  const whole: Work = 'events' in work ? work : { events: work };
  try {
    return (await asTheyStand(queries, whole, lease, circumstances)) ?? (await arranged(queries, whole, lease, circumstances));
  } catch (error) {
    circumstances.lately?.forget();
    throw error;
  }
}

/** The usual case, in one round trip: everything can be numbered, if the database agrees. Null when it does not. */
async function asTheyStand(
  queries: Queries,
  { events, ids }: Work,
  lease: Lease & { capacity: number },
  { lately, keptFromMs = 0 }: Circumstances,
): Promise<FannedOut | null> {
  if (ids !== undefined) return null;
  const arriving = new Set(events.map(({ id }) => id));
  const { numbered, held } = inCausalOrder(events, [], { isNumbered: (id) => !arriving.has(id), isGivenUp: () => false });
  if (held.length > 0) return null;
  const awaited = new Set(events.flatMap(awaitedBy).filter((id) => !arriving.has(id) && !lately?.has(id) && !isOlder(id, keptFromMs)));
  const ordered = numbered.map(({ event }) => event);
  const made = await numberEvents(queries, ordered, { awaited: [...awaited] }, lease);
  if (made === null) return null;
  if (isPool(queries)) for (const { id } of ordered) lately?.add(id);
  return { leased: made.leased, waiting: made.waiting, endpointIds: made.endpointIds, held: 0, released: [], rest: null };
}

async function arranged(
  queries: Queries,
  work: Work,
  lease: Lease & { capacity: number },
  circumstances: Circumstances,
): Promise<FannedOut> {
  if (!isPool(queries)) return arrange(queries, work, lease, circumstances);
  const client = await queries.connect();
  try {
    await client.query('begin');
    const done = await arrange(client, work, lease, circumstances);
    await client.query('commit');
    client.release();
    return done;
  } catch (error) {
    await giveBack(client);
    throw error;
  }
}

async function arrange(
  client: PoolClient,
  { events, ids = [], tenants = [], givenUp = new Map() }: Work,
  lease: Lease & { capacity: number },
  { keptFromMs = 0, holdSeconds = HOLD_SECONDS, heldMax = HELD_MAX }: Circumstances,
): Promise<FannedOut> {
  const seeds = [...new Set([...events.map(({ id }) => id), ...ids])];
  const all = [...events, ...tenants];
  const early = await earlyEvents(client, { tenants: all, ids: seeds, awaited: events.flatMap(awaitedBy), max: RELEASED_MAX });
  const wasHeld = new Set(early.held.map(({ id }) => id));
  const { numbered, held } = inCausalOrder(events, early.held, {
    isNumbered: (id) => early.numbered.has(id) || isOlder(id, keptFromMs),
    isGivenUp: (id) => givenUp.has(id),
  });
  const released = numbered
    .filter(({ event }) => wasHeld.has(event.id))
    .map(({ event, outOfOrder }): Released => {
      const without = outOfOrder && awaitedBy(event).find((id) => givenUp.has(id) && !early.numbered.has(id));
      return { event, reason: without ? givenUp.get(without)! : 'arrived' };
    });
  // What came again while it was held, and has a number by another way, is not to be held any longer either.
  const settled = [...released.map(({ event }) => event.id), ...early.held.filter(({ id }) => early.numbered.has(id)).map(({ id }) => id)];
  const ordered = numbered.map(({ event }) => event);
  const outOfOrder = numbered.map((one) => one.outOfOrder);
  const [made] = await Promise.all([
    ordered.length > 0 ? numberEvents(client, ordered, { outOfOrder }, lease) : null,
    held.length > 0 && holdEvents(client, held, holdSeconds, heldMax),
    settled.length > 0 && forgetEarly(client, settled),
  ]);
  const isMore = released.length > 0 && early.held.length >= RELEASED_MAX;
  return {
    leased: made?.leased ?? [],
    waiting: made?.waiting ?? false,
    endpointIds: made?.endpointIds ?? [],
    held: held.length,
    released,
    rest: isMore ? { events: [], ids: [...seeds, ...ordered.map(({ id }) => id)], tenants: tenantsOf(all), givenUp } : null,
  };
}

/** Each once. */
const tenantsOf = (all: readonly Tenant[]): Tenant[] => [
  ...new Map(all.map(({ organizationId, livemode }) => [`${organizationId} ${livemode}`, { organizationId, livemode }])).values(),
];

const isOlder = (id: string, keptFromMs: number): boolean => timeOfId(id as Id) < keptFromMs;

const isPool = (queries: Queries): queries is Pool => 'totalCount' in queries;
