import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from '@works/platform/logging';
import { recordAttempts, type Result } from './statements';

const RETRY_MS = 200;
/** Results in one statement. */
const BATCH_MAX = 200;

interface Waiting {
  result: Result;
  recorded: () => void;
}

/** Writes results down, one statement at a time: while one is under way the others gather, so that a busy worker commits rarely. */
export class Recorder {
  private waiting: Waiting[] = [];
  private running = false;

  constructor(
    private readonly pool: Pool,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the result is on disk, or when its lease was lost and it no longer matters. */
  record(result: Result): Promise<void> {
    return new Promise((recorded) => {
      this.waiting.push({ result, recorded });
      if (!this.running) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH_MAX);
      await this.write(batch.map(({ result }) => result));
      for (const { recorded } of batch) recorded();
    }
    // In the same turn as the last look at the queue: whoever comes later starts anew.
    this.running = false;
  }

  /** A database that is away is waited for as long as the leases last; after that another worker sends again. */
  private async write(results: readonly Result[]): Promise<void> {
    const giveUpAt = performance.now() + 30_000;
    for (;;) {
      try {
        await recordAttempts(this.pool, results);
        return;
      } catch (error) {
        if (performance.now() > giveUpAt) {
          this.logger.error(
            { err: error, results: results.length },
            'results of attempts could not be recorded; those deliveries will be sent again',
          );
          return;
        }
        await delay(RETRY_MS);
      }
    }
  }
}
