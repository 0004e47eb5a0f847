/**
 * Waits after attempt 1, 2, … 7, in milliseconds: 1s 4s 16s 1m 5m 30m 2h, as the public page says. After the eighth attempt the delivery
 * is a dead letter. The sum, 2 h 36 min 21 s, is the outage an endpoint may have without doing anything.
 */
export const RETRY_DELAYS_MS = [1_000, 4_000, 16_000, 60_000, 300_000, 1_800_000, 7_200_000] as const;

export const ATTEMPTS_MAX = RETRY_DELAYS_MS.length + 1;

/** When the next attempt is due, counted from the end of attempt `number`; null when there is none. */
export function nextAttemptAt(number: number, endedAt: Date): Date | null {
  const delayMs = RETRY_DELAYS_MS[number - 1];
  return delayMs === undefined ? null : new Date(endedAt.getTime() + delayMs);
}
