import fc from 'fast-check';
import { ATTEMPTS_MAX, nextAttemptAt, RETRY_DELAYS_MS, type Circumstances } from './schedule';

const START = new Date('2026-11-23T10:00:00.123Z');
const waitMs = (number: number, circumstances?: Circumstances): number | null => {
  const next = nextAttemptAt(number, START, circumstances);
  return next === null ? null : next.getTime() - START.getTime();
};

describe('the schedule of attempts', () => {
  it('is at once, then 1s 4s 16s 1m 5m 30m 2h after the attempt before ended, to the millisecond', () => {
    const waits: number[] = [];
    let now = START;
    for (let number = 1; ; number++) {
      const next = nextAttemptAt(number, now);
      if (next === null) break;
      waits.push(next.getTime() - now.getTime());
      now = next;
    }
    expect(waits).toEqual([1_000, 4_000, 16_000, 60_000, 300_000, 1_800_000, 7_200_000]);
    expect(waits).toHaveLength(ATTEMPTS_MAX - 1);
    expect(now.toISOString()).toBe('2026-11-23T12:36:21.123Z');
  });

  const number = fc.integer({ min: 1, max: ATTEMPTS_MAX - 1 });
  const chance = fc.double({ min: 0, max: 1, noNaN: true });

  it('has no jitter in the first three waits, and after them at most 5 % and 2 s, only ever later', () => {
    expect([1, 2, 3].map((n) => waitMs(n, { chance: 1 }))).toEqual([1_000, 4_000, 16_000]);
    expect([4, 5, 6, 7].map((n) => waitMs(n, { chance: 1 }))).toEqual([62_000, 302_000, 1_802_000, 7_202_000]);
    fc.assert(
      fc.property(number, chance, (n, by) => {
        const step = RETRY_DELAYS_MS[n - 1]!;
        const wait = waitMs(n, { chance: by })!;
        expect(wait).toBeGreaterThanOrEqual(step);
        expect(wait).toBeLessThanOrEqual(step + Math.min(step * 0.05, 2_000));
        if (n <= 3) expect(wait).toBe(step);
      }),
    );
  });

  it.each<[string, number, number, number]>([
    ['shorter than the wait', 2, 1_000, 4_000],
    ['longer', 1, 2_500, 2_500],
    ['longer than the wait that comes next', 1, 3_600_000, 4_000],
    ['an hour after the sixth', 6, 3_600_000, 3_600_000],
    ['a day after the seventh, which is followed by none', 7, 86_400_000, 7_200_000],
  ])('Retry-After %s', (_, after, retryAfterMs, expected) => expect(waitMs(after, { retryAfterMs })).toBe(expected));

  // A receiver can neither hurry us nor put us off beyond the next step, and it cannot keep the eighth attempt from being the last.
  it('is only lengthened by Retry-After, up to the next step', () => {
    fc.assert(
      fc.property(number, chance, fc.double({ min: 0, noNaN: true }), (n, by, retryAfterMs) => {
        const wait = waitMs(n, { chance: by, retryAfterMs })!;
        expect(wait).toBeGreaterThanOrEqual(waitMs(n, { chance: by })!);
        expect(wait).toBeLessThanOrEqual(Math.max(RETRY_DELAYS_MS[n] ?? 0, waitMs(n, { chance: by })!));
        expect(nextAttemptAt(ATTEMPTS_MAX, START, { chance: by, retryAfterMs })).toBeNull();
      }),
    );
  });
});
