import type { Pool } from 'pg';
import { mayDieAt } from '@works/platform/fault-points';
import { retryAfterMs } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import type { Logger } from '@works/platform/logging';
import { nextAttemptAt } from '../domain/schedule';
import { isFirst, type Leased, type Outcome } from './attempt';
import type { KeptSecrets } from './kept-secrets';
import type { DeliveryMetrics } from './delivery-metrics';
import { Places } from './places';
import { Presence } from './presence';
import { RecentlyNumbered } from './recently-numbered';
import { Recorder } from './recorder';
import type { Sender } from './sender';
import { fanOut, type Circumstances, type FannedOut, type Released, type Work } from './fan-out';
import { claimDueDeliveries, endLeases, giveBack, giveBackLeases, LEASE_SECONDS, type Lease, type NewEvent } from './statements';

/** Timers and pokes do the waking; this only bounds how long a lost one, or a dead worker's lease, can go unnoticed. */
const LOOK_EVERY_MS = 1_000;
/** What a graceful stop gives attempts to end by themselves. */
const GRACE_MS = 3_000;
/**
 * Attempts under way for one organization and mode, by all workers together: most of one worker's places, and not all of them, so that nobody
 * can be shut out by one organization whose receivers all hang.
 */
export const ORGANIZATION_IN_FLIGHT_MAX = 96;

export interface EngineParts {
  readonly pool: Pool;
  readonly sender: Sender;
  readonly secrets: KeptSecrets;
  readonly metrics: DeliveryMetrics;
  readonly logger: Logger;
  /** Told of the endpoints whose sequence has moved on, once that has committed. */
  readonly numbered?: (endpointIds: readonly string[]) => void;
  /** Older events need not be in the log any more. Default: all are. */
  readonly eventsKeptMs?: number;
  readonly holding?: Pick<Circumstances, 'holdSeconds' | 'heldMax'>;
  readonly leaseSeconds?: number;
  readonly graceMs?: number;
  readonly organizationMax?: number;
  readonly patienceSeconds?: number;
}

/**
 * Sends what is due. Deliveries wait in PostgreSQL; a worker leases some, sends them, and records what came of it. First attempts and retries
 * have places of their own, and so has each endpoint, so that nobody's dead receiver takes another's place.
 */
export class DeliveryEngine {
  private readonly workerId = newId('wrk');
  private readonly places = new Places();
  private readonly lately = new RecentlyNumbered();
  private readonly recorder: Recorder;
  private readonly presence: Presence;
  private readonly leaseSeconds: number;
  private readonly organizationMax: number;
  private leasesEndedAt = -Infinity;
  private readonly underWay = new Set<Promise<void>>();
  private claiming: Promise<void> | null = null;
  private claimAgain = false;
  private backlog = false;
  /** Replays may wait. Most of the time none do, and nobody needs to ask; those of other workers are found when the timer looks. */
  private replays = true;
  private timer: NodeJS.Timeout | null = null;
  private timerAt = Infinity;
  private stopping = false;
  private tokens = 0;

  constructor(private readonly parts: EngineParts) {
    this.recorder = new Recorder({ ...parts, released: () => this.wake(), lease: () => this.leaseToHandOver() });
    this.presence = new Presence(parts.pool, this.workerId, parts.logger, () => this.wake());
    this.leaseSeconds = parts.leaseSeconds ?? LEASE_SECONDS;
    this.organizationMax = parts.organizationMax ?? ORGANIZATION_IN_FLIGHT_MAX;
  }

  start(): void {
    this.presence.start();
  }

  /** Keeps the events, each in its place, and sends at once what is leased to us in the same transaction; the rest waits for a claim. */
  async fanOut(events: readonly NewEvent[]): Promise<void> {
    await this.doWork({ events });
  }

  /** The owners of these events have said that they will not come; and whatever of `ids` is held may be ready. Resolves with what was numbered. */
  release(work: Omit<Work, 'events'>): Promise<readonly Released[]> {
    return this.doWork({ events: [], ...work });
  }

  private async doWork(work: Work): Promise<readonly Released[]> {
    const released: Released[] = [];
    for (let next: Work | null = work; next !== null;) {
      const capacity = this.stopping || !this.presence.isShown ? 0 : this.places.free.first;
      const done: FannedOut = await fanOut(
        this.parts.pool,
        next,
        { capacity, ...this.newLease() },
        { lately: this.lately, keptFromMs: Date.now() - (this.parts.eventsKeptMs ?? Infinity), ...this.parts.holding },
      );
      this.parts.numbered?.(done.endpointIds);
      this.parts.metrics.noteHeld(done);
      await this.sendWhatHasPlaces(done.leased);
      if (done.waiting) this.expectBacklog();
      released.push(...done.released);
      next = done.rest;
    }
    return released;
  }

  /** Replays have been made. */
  wakeForReplays(): void {
    this.replays = true;
    this.wake();
  }

  /** Looks for what is due now; calls that come while it looks make it look once more. */
  wake(): void {
    if (this.stopping) return;
    if (this.claiming !== null) {
      this.claimAgain = true;
      return;
    }
    this.claiming = this.claim()
      .catch((error: unknown) => {
        this.parts.logger.warn({ err: error }, 'looking for due deliveries failed; it is tried again');
        this.wakeIn(LOOK_EVERY_MS);
      })
      .finally(() => {
        this.claiming = null;
        if (this.claimAgain) {
          this.claimAgain = false;
          this.wake();
        }
      });
  }

  /** Ends attempts under way within their deadline, gives back what was not begun. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.claiming;
    await Promise.race([Promise.all(this.underWay), new Promise((resolve) => setTimeout(resolve, this.parts.graceMs ?? GRACE_MS).unref())]);
    await giveBackLeases(this.parts.pool, this.workerId).catch(() => undefined);
    await this.presence.stop();
    await this.parts.sender.close();
  }

  private async claim(): Promise<void> {
    // It wakes us when it is.
    if (!this.presence.isShown) return;
    if (performance.now() - this.leasesEndedAt >= LOOK_EVERY_MS) {
      await endLeases(this.parts.pool);
      await this.presence.endLeasesOfTheDead();
      this.leasesEndedAt = performance.now();
    }
    const { first, retry: retries, replay } = this.places.free;
    const replays = this.replays ? replay : 0;
    this.backlog = first === 0 || retries === 0 || replay === 0;
    this.replays = false;
    const { leased, passedOver, nextInMs } = await claimDueDeliveries(this.parts.pool, {
      first,
      retries,
      replays,
      ...this.newLease(),
    });
    if (leased.length > 0) mayDieAt('deliveries-claimed');
    await this.sendWhatHasPlaces(leased);
    // Where we found some there may be more than there were places for.
    if (passedOver || leased.length > 0) this.backlog = true;
    if (replays > 0 && (passedOver || leased.some(({ lane }) => lane === 'replay'))) this.replays = true;
    this.wakeIn(Math.min(nextInMs ?? LOOK_EVERY_MS, LOOK_EVERY_MS));
  }

  /**
   * What is leased while we stop is not begun but given back. So is what the endpoint has no place for here: of a lease that ended by the clock
   * the attempt can still be under way.
   */
  private async sendWhatHasPlaces(leased: readonly Leased[]): Promise<void> {
    const placeless = leased.filter((delivery) => {
      if (this.stopping || !this.places.hasFree(delivery.endpointId)) return true;
      this.send(delivery);
      return false;
    });
    if (placeless.length === 0) return;
    this.backlog = true;
    await giveBack(this.parts.pool, placeless).catch((error: unknown) =>
      this.parts.logger.warn({ err: error, deliveries: placeless.length }, 'leases could not be given back; they end by the clock'),
    );
  }

  private send(leased: Leased): void {
    const { lane } = leased;
    this.places.take(lane, leased.endpointId, leased.maxInFlight);
    this.parts.metrics.inFlight.set(this.places.inFlight);
    const sending = this.attempt(leased)
      .catch((error: unknown) => {
        this.parts.logger.error({ err: error, delivery_id: leased.deliveryId }, 'an attempt broke; its lease will end by the clock');
        return null;
      })
      .then((next) => {
        this.underWay.delete(sending);
        const wasFull = this.places.giveBack(lane, leased.endpointId);
        if (lane === 'replay') this.replays = true;
        if (next !== null) {
          mayDieAt('place-handed-over');
          return this.sendWhatHasPlaces([next]);
        }
        this.parts.metrics.inFlight.set(this.places.inFlight);
        if (this.backlog || wasFull) this.wake();
      });
    this.underWay.add(sending);
  }

  /** Resolves with what takes over the place, if anything waits for it. */
  private async attempt(leased: Leased): Promise<Leased | null> {
    const secret = this.parts.secrets.signingFor(leased.endpointId, leased.secret);
    // Not an attempt: the lease ends by the clock, and the delivery waits for a process that has the key.
    if (secret === null) return null;
    const outcome = await this.parts.sender.attempt(leased, secret);
    mayDieAt('webhook-answered');
    this.parts.metrics.note(leased, outcome);
    this.say(leased, outcome);
    const number = leased.attemptsMade + 1;
    const next = outcome.error === null ? null : nextAttemptAt(number, outcome.endedAt, circumstancesOf(outcome));
    const status = outcome.error === null ? 'delivered' : next === null ? 'dead' : 'pending';
    // Retries and replays have fewer places, and a line waits for its first.
    const patient = status === 'delivered' && isFirst(leased) && !leased.ordered && this.places.hasPlenty(leased.endpointId);
    const following = await this.recorder.record(
      { attemptId: newId('att'), leased, number, outcome, status, nextAttemptAt: next },
      patient,
    );
    mayDieAt('attempt-recorded');
    if (next !== null) this.wakeIn(next.getTime() - Date.now());
    return following;
  }

  /** One wide line per attempt, with every decision on it. */
  private say(leased: Leased, outcome: Outcome): void {
    const { logger } = this.parts;
    const level = outcome.error === null ? 'debug' : 'info';
    if (!logger.isLevelEnabled(level)) return;
    logger[level](
      {
        ...{
          delivery_id: leased.deliveryId,
          endpoint_id: leased.endpointId,
          event_id: leased.eventId,
          organization_id: leased.organizationId,
        },
        ...{ attempt: leased.attemptsMade + 1, status: outcome.statusCode, ms: Math.round(outcome.durationMs), error: outcome.error },
      },
      outcome.error === null ? 'delivered' : 'attempt failed',
    );
  }

  private expectBacklog(): void {
    this.backlog = true;
    this.recorder.hasten();
    if (this.places.free.first > 0) this.wake();
  }

  private wakeIn(ms: number): void {
    if (this.stopping) return;
    const at = performance.now() + Math.max(0, ms);
    if (this.timer !== null && this.timerAt <= at) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.timerAt = Infinity;
        this.replays = true;
        this.wake();
      },
      Math.max(0, ms),
    );
  }

  /** Null while others have to have their turn at our places: none is left to claim for, or we are going. */
  private leaseToHandOver(): Lease | null {
    return this.stopping || this.places.free.first === 0 ? null : this.newLease();
  }

  private newLease(): Lease {
    return { leaseToken: `${this.workerId}.${++this.tokens}`, leaseSeconds: this.leaseSeconds, organizationMax: this.organizationMax };
  }
}

const circumstancesOf = ({ responseHeaders, endedAt }: Outcome) => ({
  retryAfterMs: retryAfterMs(responseHeaders?.['retry-after'], endedAt),
  chance: Math.random(),
});
