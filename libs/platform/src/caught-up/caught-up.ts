import type { Subscription } from '../event-log';
import { Problem } from '../problems';
import type { PositionsByService } from './positions';

/** How long a read waits until its service is as new as the caller asked for. */
const WAIT_MS = 2_000;

export interface CaughtUpOptions {
  readonly service: string;
  /** The services whose events this one consumes; positions of others cannot matter to it. */
  readonly sources: readonly string[];
  /** Resolves with how far the source has published, once that is at least `position`. */
  publishedThrough(source: string, position: bigint, signal: AbortSignal): Promise<bigint>;
  subscription(): Subscription;
  readonly waitMs?: number;
}

/**
 * Read your own writes across services. A write at a source is visible here when (1) its relay has published that far and
 * (2) this service's group has handled all that the log held at that moment. Both are asked for only while a caller is ahead
 * of what is known to be reached; afterwards the answer is one comparison in memory.
 */
export class CaughtUp {
  private readonly reached = new Map<string, bigint>();
  private barrier: Promise<void> | null = null;
  private nextBarrier: Promise<void> | null = null;

  constructor(private readonly options: CaughtUpOptions) {}

  /** Resolves when everything up to these positions has taken effect here; 503 not_caught_up past the bound. */
  async wait(positions: PositionsByService): Promise<void> {
    const ahead = this.options.sources.filter((source) => (positions.get(source) ?? -1n) > (this.reached.get(source) ?? -1n));
    if (ahead.length === 0) return;
    const signal = AbortSignal.timeout(this.options.waitMs ?? WAIT_MS);
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(notCaughtUp(ahead)), { once: true });
    });
    late.catch(() => undefined);
    await Promise.race([late, Promise.all(ahead.map((source) => this.reach(source, positions.get(source)!, signal)))]);
  }

  private async reach(source: string, position: bigint, signal: AbortSignal): Promise<void> {
    let published: bigint;
    try {
      published = await this.options.publishedThrough(source, position, signal);
    } catch (error) {
      throw signal.aborted ? notCaughtUp([source]) : error;
    }
    await this.barrierFromNow();
    if (published > (this.reached.get(source) ?? -1n)) this.reached.set(source, published);
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

const notCaughtUp = (sources: readonly string[]) =>
  new Problem(
    'not_caught_up',
    `What was written at ${sources.join(' and ')} has not arrived here yet. Try again in a moment.`,
    {},
    { 'retry-after': '1' },
  );
