import { setTimeout as delay } from 'node:timers/promises';

/** How often the check is tried; a test is late by at most this much. */
const RETRY_MS = 5;

/** Resolves with what `check` returns once it stops throwing; past the deadline fails with its last error. */
export async function eventually<T>(check: () => T | Promise<T>, { withinMs = 30_000 }: { withinMs?: number } = {}): Promise<T> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= giveUpAt) throw error;
      await delay(RETRY_MS);
    }
  }
}
