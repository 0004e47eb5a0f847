import type { Pool } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@works/platform/logging';
import { absentWorkers, endLeasesOf, showWorker } from './statements';

/** Between losing the session and asking for another. Less than the time for which others look twice before they take a worker for dead. */
const AGAIN_MS = 200;

/**
 * Shows the other workers that this one lives, by a session that ends with the process, and sees which of them do not. A worker that was killed
 * gives its places back in a second or two; one that hangs keeps its leases until they end by the clock.
 */
export class Presence {
  private readonly stopping = new AbortController();
  private keeping: Promise<void> | null = null;
  private suspects: readonly string[] = [];
  private visible = false;

  constructor(
    private readonly pool: Pool,
    private readonly workerId: string,
    private readonly logger: Logger,
    private readonly shown: () => void,
  ) {}

  /** While it is not, nothing may be leased: others would give it away. */
  get isShown(): boolean {
    return this.visible;
  }

  start(): void {
    this.keeping ??= this.keepShown();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.keeping;
  }

  /** Ends the leases of workers that were absent at the last look and still are: a session that was only interrupted is back by then. */
  async endLeasesOfTheDead(): Promise<void> {
    const absent = await absentWorkers(this.pool);
    const dead = absent.filter((worker) => this.suspects.includes(worker));
    this.suspects = absent;
    if (dead.length === 0) return;
    const ended = await endLeasesOf(this.pool, dead);
    this.logger.warn({ workers: dead, leases: ended }, 'workers are gone; what they had under way is due again');
  }

  private async keepShown(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.showWhileConnected();
        failures = 0;
      } catch (error) {
        if (++failures === 1) this.logger.warn({ err: error }, 'the worker cannot show that it lives; it keeps trying, and begins nothing');
      }
      await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async showWhileConnected(): Promise<void> {
    const client = await this.pool.connect();
    const { signal } = this.stopping;
    try {
      const over = new Promise<void>((resolve) => {
        client.once('end', () => resolve());
        client.once('error', () => resolve());
        signal.addEventListener('abort', () => resolve(), { once: true });
        if (signal.aborted) resolve();
      });
      await showWorker(client, this.workerId);
      this.visible = !signal.aborted;
      this.shown();
      await over;
    } finally {
      this.visible = false;
      // The connection goes, and the lock with it.
      client.release(true);
    }
  }
}
