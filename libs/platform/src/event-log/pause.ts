import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after the time or as soon as the signal aborts; never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** Waits between attempts to get back to a server that is away: soon at first, never longer than a second. */
const RECONNECT_MS = [50, 100, 200, 500, 1_000] as const;

export const reconnectDelayMs = (failures: number): number => RECONNECT_MS[Math.min(failures, RECONNECT_MS.length) - 1] ?? RECONNECT_MS[0];

/** Asks until there is an answer, however long the server is away: whoever waits has a bound of their own. Rejects once the signal aborts. */
export async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 1; ; failures++) {
    if (signal.aborted) throw new Error('The subscription was stopped');
    try {
      return await ask();
    } catch {
      await pause(reconnectDelayMs(failures), signal);
    }
  }
}
