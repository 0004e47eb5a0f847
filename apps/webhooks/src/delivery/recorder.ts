import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { Batcher } from '@works/platform/batching';
import type { Logger } from '@works/platform/logging';
import { recordAttempts, type Result } from './statements';

const RETRY_MS = 200;
/** Results in one statement. */
const BATCH_MAX = 200;

/** Writes results down, one statement at a time: while one is under way the others gather, so that a busy worker commits rarely. */
export class Recorder {
  private readonly batches = new Batcher<Result, null>({
    batchesMax: 1,
    weightMax: BATCH_MAX,
    run: async (results) => {
      await this.write(results);
      return results.map(() => null);
    },
  });

  constructor(
    private readonly pool: Pool,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the result is on disk, or when its lease was lost and it no longer matters. */
  async record(result: Result): Promise<void> {
    await this.batches.add(result);
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
