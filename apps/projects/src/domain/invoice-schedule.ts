/** From a restart of SK Billing, which takes seconds, to an outage of days, which one call in an hour does not make worse. */
const FIRST_WAIT_MS = 5_000;
const FACTOR = 4;
const WAIT_MS_MAX = 3_600_000;
/** Spreads the invoices of an outage that ended for all of them at one moment. */
const JITTER_SHARE = 0.1;
/** A wait that SK Billing asks for is kept, but not one that would hide an invoice for ever. */
const RETRY_AFTER_MS_MAX = 86_400_000;

/** Four days and more: an outage over a long weekend needs nobody. Then the invoice waits for a word, in everybody's sight. */
export const ATTEMPTS_MAX = 100;

export interface Circumstances {
  readonly retryAfterMs: number;
  /** From 0 to 1. */
  readonly chance: number;
}

/** When an attempt that failed is made again, counted from its end; null when `attempts`, this one included, are enough. */
export function nextAttemptAt(attempts: number, endedAt: Date, { retryAfterMs, chance }: Circumstances): Date | null {
  if (attempts >= ATTEMPTS_MAX) return null;
  const delayMs = Math.min(FIRST_WAIT_MS * FACTOR ** (attempts - 1), WAIT_MS_MAX);
  const waitMs = Math.max(Math.floor(delayMs * (1 + JITTER_SHARE * chance)), Math.min(retryAfterMs, RETRY_AFTER_MS_MAX));
  return new Date(endedAt.getTime() + waitMs);
}
