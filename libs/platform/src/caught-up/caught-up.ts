import { LRUCache } from 'lru-cache';
import type { Tenant } from '../caller';
import type { Subscription } from '../event-log';
import { Problem } from '../problems';
import type { Position, PositionsByService } from './positions';

/** How long a read waits until its service is as new as the caller asked for. */
const WAIT_MS = 2_000;

/** Tenants of which it is remembered how far they have been reached; one that is forgotten costs one question. */
const TENANTS_MAX = 20_000;

export interface CaughtUpOptions {
  readonly service: string;
  /** The services whose events this one consumes; positions of others cannot matter to it. */
  readonly sources: readonly string[];
  /** Resolves with true once the source has published what the tenant has up to the position; false when it knows no such position. */
  publishedThrough(source: string, tenant: Tenant, position: Position, signal: AbortSignal): Promise<boolean>;
  /** Whether this service's own store has ever stood at the position. */
  isKnown(position: Position): Promise<boolean>;
  subscription(): Subscription;
  readonly waitMs?: number;
}

/**
 * Read your own writes across services. A write at a source is visible here when (1) its relay has published what the tenant had by then and
 * (2) this service's group has handled all that the log held at that moment. Both are asked for only while a caller is ahead
 * of what is known to be reached; afterwards the answer is one comparison in memory.
 */
export class CaughtUp {
  private readonly reached = new LRUCache<string, bigint>({ max: TENANTS_MAX });
  private barrier: Promise<void> | null = null;
  private nextBarrier: Promise<void> | null = null;

  constructor(private readonly options: CaughtUpOptions) {}

  /**
   * Resolves when everything of the tenant up to these positions has taken effect here; 503 not_caught_up past the bound, 400 invalid_header
   * for one that the client claims and no answer of ours can have carried.
   */
  async wait(tenant: Tenant, positions: PositionsByService): Promise<void> {
    const ahead = this.options.sources.flatMap((source) =>
      (positions.get(source) ?? [])
        .filter((position) => !this.isReached(source, tenant, position))
        .map((position) => ({ source, position })),
    );
    if (ahead.length === 0) return;
    const sources = [...new Set(ahead.map(({ source }) => source))];
    const signal = AbortSignal.timeout(this.options.waitMs ?? WAIT_MS);
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(notCaughtUp(sources)), { once: true });
    });
    late.catch(() => undefined);
    await Promise.race([late, Promise.all(ahead.map(({ source, position }) => this.reach(source, tenant, position, signal)))]);
  }

  /** 400 invalid_header for a position of this very service that the client claims and no answer of ours can have carried. */
  async refuseUnknown(positions: PositionsByService): Promise<void> {
    for (const position of positions.get(this.options.service) ?? [])
      if (position.claimed && !(await this.options.isKnown(position))) throw unknownPosition(this.options.service);
  }

  private async reach(source: string, tenant: Tenant, position: Position, signal: AbortSignal): Promise<void> {
    let known: boolean;
    try {
      known = await this.options.publishedThrough(source, tenant, position, signal);
    } catch (error) {
      throw signal.aborted ? notCaughtUp([source]) : error;
    }
    // What only we remember is of a history that was lost: nothing of it will come.
    if (!known && position.claimed) throw unknownPosition(source);
    await this.barrierFromNow();
    const key = keyOf(source, tenant, position);
    if (position.at > (this.reached.get(key) ?? -1n)) this.reached.set(key, position.at);
  }

  private isReached(source: string, tenant: Tenant, position: Position): boolean {
    return position.at <= (this.reached.get(keyOf(source, tenant, position)) ?? -1n);
  }

  /** A barrier that began before now says nothing about now; one that has yet to begin serves everybody who waits. */
  private barrierFromNow(): Promise<void> {
    if (this.barrier === null) return this.startBarrier();
    this.nextBarrier ??= this.barrier
      .catch(() => undefined)
      .then(() => {
        this.nextBarrier = null;
        return this.startBarrier();
      });
    return this.nextBarrier;
  }

  private startBarrier(): Promise<void> {
    const barrier = this.options
      .subscription()
      .caughtUp()
      .finally(() => {
        if (this.barrier === barrier) this.barrier = null;
      });
    this.barrier = barrier;
    return barrier;
  }
}

const keyOf = (source: string, { organizationId, livemode }: Tenant, { epoch }: Position): string =>
  `${source} ${epoch} ${organizationId} ${livemode}`;

const notCaughtUp = (sources: readonly string[]) =>
  new Problem(
    'not_caught_up',
    `What was written at ${sources.join(' and ')} has not arrived here yet. Try again in a moment.`,
    {},
    { 'retry-after': '1' },
  );

const unknownPosition = (service: string) =>
  new Problem(
    'invalid_header',
    `Works-Position must be one that an answer of ours carried: the ${service} service has never been at this one. Leave the header out.`,
  );
