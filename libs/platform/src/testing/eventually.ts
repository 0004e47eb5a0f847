import { setTimeout as delay } from 'node:timers/promises';

/** How often the check is tried; a test is late by at most this much. */
const RETRY_MS = 5;
/** Ends what hangs. A machine that is busy with other things is slower than any time one could name, and goes on all the same. */
const STUCK_AFTER_MS = 120_000;

/**
 * Resolves with what `check` returns once it stops throwing. Gives up, with its last error, when that error has been the same for `stuckAfterMs`: as long
 * as it says something new (300 expected, 120 received, then 121), there is progress, however slow. Jest's own timeout bounds the whole.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { stuckAfterMs = STUCK_AFTER_MS }: { stuckAfterMs?: number } = {},
): Promise<T> {
  let said: string | null = null;
  let newsAt = performance.now();
  for (;;) {
    try {
      return await check();
    } catch (error) {
      const says = String(error);
      if (says !== said) [said, newsAt] = [says, performance.now()];
      else if (performance.now() - newsAt >= stuckAfterMs) throw error;
      await delay(RETRY_MS);
    }
  }
}
