export interface AdmissionLimits {
  /** Mutations of one tenant that may wait; one more is refused. */
  readonly waitingMax: number;
  /** How long one may wait before it is refused. */
  readonly waitMs: number;
  /** Mutations of a tenant that go on when a look finds it below the bound: each may write hundreds of facts, which only the next look shows. */
  readonly goAtOnceMax: number;
}

export type Arrival = 'goes' | 'waits' | 'refused';

export interface Departures<Ticket> {
  readonly go: readonly Ticket[];
  readonly refused: readonly Ticket[];
}

/**
 * Which mutations go on, wait, or are refused. Pure: it reads no clock and asks nobody. A tenant is pressed while the last look found that its services
 * have not kept up with it; its mutations then wait in their order, and what another tenant does makes no difference to them.
 */
export class Admission<Ticket> {
  private pressed: ReadonlySet<string> = new Set();
  /** By tenant, in the order of arrival, with the time at which each is refused. Nobody's queue is empty. */
  private readonly queues = new Map<string, Map<Ticket, number>>();
  private count = 0;

  constructor(private readonly limits: AdmissionLimits) {}

  get waiting(): number {
    return this.count;
  }

  arrive(tenant: string, ticket: Ticket, nowMs: number): Arrival {
    const queue = this.queues.get(tenant);
    // Whoever comes while others still wait would otherwise overtake them.
    if (queue === undefined && !this.pressed.has(tenant)) return 'goes';
    if (queue !== undefined && queue.size >= this.limits.waitingMax) return 'refused';
    (queue ?? this.openQueue(tenant)).set(ticket, nowMs + this.limits.waitMs);
    this.count += 1;
    return 'waits';
  }

  /** The client has gone away. */
  leave(tenant: string, ticket: Ticket): void {
    this.take(tenant, [ticket]);
  }

  /** What a look has found: the tenants that are pressed now, and no others. */
  look(pressed: ReadonlySet<string>, nowMs: number): Departures<Ticket> {
    this.pressed = pressed;
    const go: Ticket[] = [];
    const refused: Ticket[] = [];
    for (const [tenant, queue] of this.queues) {
      // The first to come is the first whose time is over.
      const over = [...queue].filter(([, until]) => until <= nowMs).map(([ticket]) => ticket);
      this.take(tenant, over);
      refused.push(...over);
      if (pressed.has(tenant)) continue;
      const next = [...queue.keys()].slice(0, this.limits.goAtOnceMax);
      this.take(tenant, next);
      go.push(...next);
    }
    return { go, refused };
  }

  /** Nobody is pressed any more, and whoever waits goes on. */
  open(): readonly Ticket[] {
    this.pressed = new Set();
    const all = [...this.queues.values()].flatMap((queue) => [...queue.keys()]);
    this.queues.clear();
    this.count = 0;
    return all;
  }

  private openQueue(tenant: string): Map<Ticket, number> {
    const queue = new Map<Ticket, number>();
    this.queues.set(tenant, queue);
    return queue;
  }

  private take(tenant: string, tickets: readonly Ticket[]): void {
    const queue = this.queues.get(tenant);
    for (const ticket of tickets) if (queue?.delete(ticket)) this.count -= 1;
    if (queue?.size === 0) this.queues.delete(tenant);
  }
}

/** What is known of a tenant's backlog at one time. */
export interface BacklogSeen {
  readonly facts: number;
  readonly atMs: number;
}

/**
 * Seconds until a backlog is down to the bound, going on as it went from its highest to now; `mostSeconds` where it has not become smaller or nothing
 * is known. A guess, and no promise: other clients of the organization may go on writing.
 */
export function secondsUntil(factsMax: number, highest: BacklogSeen | null, now: BacklogSeen | null, mostSeconds: number): number {
  if (highest === null || now === null || highest.facts <= now.facts || highest.atMs >= now.atMs) return mostSeconds;
  const perSecond = ((highest.facts - now.facts) * 1_000) / (now.atMs - highest.atMs);
  return Math.min(Math.max(Math.ceil((now.facts - factsMax) / perSecond), 1), mostSeconds);
}
