/**
 * Waits after attempt 1, 2, … 7, in milliseconds: 1s 4s 16s 1m 5m 30m 2h, as the public page says. After the eighth attempt the delivery
 * is a dead letter. The sum, 2 h 36 min 21 s, is the outage an endpoint may have without doing anything.
 */
export const RETRY_DELAYS_MS = [1_000, 4_000, 16_000, 60_000, 300_000, 1_800_000, 7_200_000] as const;

export const ATTEMPTS_MAX = RETRY_DELAYS_MS.length + 1;

/** The short waits are a promise to the millisecond; only from this one on is there a crowd to spread. */
const FIRST_WAIT_WITH_JITTER = 4;
const JITTER_SHARE = 0.05;
const JITTER_MS_MAX = 2_000;

export interface Circumstances {
  /** What the receiver asked for with Retry-After. It may only lengthen the wait, and by no more than up to the wait that comes next. */
  readonly retryAfterMs?: number;
  /** From 0 to 1; spreads the retries of an outage that ended for many at one moment. */
  readonly chance?: number;
}

/** When the next attempt is due, counted from the end of attempt `number`; null when there is none. */
export function nextAttemptAt(number: number, endedAt: Date, { retryAfterMs = 0, chance = 0 }: Circumstances = {}): Date | null {
  const delayMs = RETRY_DELAYS_MS[number - 1];
  if (delayMs === undefined) return null;
  const longestMs = RETRY_DELAYS_MS[number] ?? delayMs;
  const waitMs = Math.max(delayMs + jitterMs(number, delayMs, chance), Math.min(retryAfterMs, longestMs));
  return new Date(endedAt.getTime() + waitMs);
}

const jitterMs = (number: number, delayMs: number, chance: number): number =>
  number < FIRST_WAIT_WITH_JITTER ? 0 : Math.floor(Math.min(delayMs * JITTER_SHARE, JITTER_MS_MAX) * chance);
