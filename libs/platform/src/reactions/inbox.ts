import type { Caller } from '../caller';
import { isLostRace, type Cause } from '../event-store';
import type { TenantDatabase, TenantTransaction } from '../tenancy';
import { headerOf } from './arrivals';

/** The part of a public event that the platform reads. */
export interface Told {
  readonly id: string;
  readonly timestamp: string;
  readonly organization_id: string;
  readonly livemode: boolean;
  readonly actor: Caller['actor'];
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null };
}

/** What a batch of one tenant's events does, in the transaction that it is given. */
export type Effect<Event extends Told> = (tx: TenantTransaction, events: Event[], causeOf: (event: Told) => Cause) => Promise<void>;

/** A reaction that loses a race against a command starts anew this often before the log's own back-off takes over. */
const TRIES_MAX = 5;

/**
 * Makes the effect of an event happen exactly once, however often the log delivers it: the inbox row and the effect
 * commit in one transaction, or neither does.
 */
export class Inbox {
  constructor(private readonly database: TenantDatabase) {}

  once(consumer: string, event: Told, effect: (tx: TenantTransaction, cause: Cause) => Promise<void>): Promise<void> {
    return this.batch(consumer, [event], (tx, _fresh, causeOf) => effect(tx, causeOf(event)));
  }

  /** The same for many events at once: one transaction, `effect` called once per tenant with the events that are new, in order. */
  batch<Event extends Told>(consumer: string, events: readonly Event[], effect: Effect<Event>): Promise<void> {
    return this.inTransaction(events, async (tx, own, cause) => {
      const fresh = await this.unseen(tx, consumer, own);
      if (fresh.length > 0) await effect(tx, fresh, cause);
    });
  }

  /**
   * For an effect that is safe to repeat by itself, because it keeps the newest version of something and does nothing for older news:
   * one transaction, and no row that says the same once more.
   */
  repeatable<Event extends Told>(events: readonly Event[], effect: Effect<Event>): Promise<void> {
    return this.inTransaction(events, effect);
  }

  private async inTransaction<Event extends Told>(events: readonly Event[], effect: Effect<Event>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.take(events, effect);
      } catch (error) {
        if (!isLostRace(error) || tries === TRIES_MAX) throw error;
      }
    }
  }

  private take<Event extends Told>(events: readonly Event[], effect: Effect<Event>): Promise<void> {
    return this.database.steps(async (inTenant) => {
      for (const own of byTenant(events)) {
        const tenant = { organizationId: own[0]!.organization_id, livemode: own[0]!.livemode };
        await inTenant(tenant, (tx) => effect(tx, own, causeOf));
      }
    });
  }

  /** Two consumers of the same event meet on the primary key: the second waits, and then finds nothing new. */
  private async unseen<Event extends Told>(tx: TenantTransaction, consumer: string, events: Event[]): Promise<Event[]> {
    const { rows } = await tx.query<{ event_id: string }>({
      name: 'works_inbox',
      text: `insert into inbox (consumer, event_id, organization_id, livemode)
               select $1, e.id, $3, $4 from unnest($2::text[]) as e(id) order by e.id collate "C"
             on conflict do nothing returning event_id`,
      values: [consumer, events.map((event) => event.id), tx.tenant.organizationId, tx.tenant.livemode],
    });
    const unseen = new Set(rows.map((row) => row.event_id));
    // A batch can hold the same event twice; `delete` lets only its first appearance pass.
    return events.filter((event) => unseen.delete(event.id));
  }
}

/** What a reaction writes has the cause of the event it reacts to: the same actor, request and trace; and that event itself. */
export const causeOf = (event: Told): Cause => ({
  caller: {
    organizationId: event.organization_id,
    livemode: event.livemode,
    actor: event.actor,
    scopes: [],
    timeZone: 'UTC',
  },
  now: new Date(event.timestamp),
  requestId: event.request.id,
  idempotencyKey: event.request.idempotency_key,
  traceparent: headerOf(event, 'traceparent'),
  causedBy: event.id,
});

/** Sorted by tenant, so that two transactions over the same tenants never wait for each other in a circle. */
function byTenant<Event extends Told>(events: readonly Event[]): Event[][] {
  const groups = new Map<string, Event[]>();
  for (const event of events) {
    const key = `${event.organization_id} ${event.livemode}`;
    const group = groups.get(key);
    if (group) group.push(event);
    else groups.set(key, [event]);
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}
