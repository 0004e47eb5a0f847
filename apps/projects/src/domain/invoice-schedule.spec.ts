import fc from 'fast-check';
import { ATTEMPTS_MAX, nextAttemptAt } from './invoice-schedule';

const END = new Date('2026-11-23T03:30:00.000Z');
const waitMs = (attempts: number, retryAfterMs = 0, chance = 0) =>
  nextAttemptAt(attempts, END, { retryAfterMs, chance })!.getTime() - END.getTime();

describe('the wait after a failed attempt', () => {
  it('grows fourfold, up to an hour', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 99].map((attempts) => waitMs(attempts) / 1_000)).toEqual([5, 20, 80, 320, 1_280, 3_600, 3_600, 3_600]);
  });

  it('is made longer by what SK Billing asks for, up to a day, and by chance, up to a tenth', () => {
    expect([waitMs(1, 60_000), waitMs(6, 60_000), waitMs(1, 10 ** 12), waitMs(1, 0, 1)]).toEqual([60_000, 3_600_000, 86_400_000, 5_500]);
  });

  it('ends with the hundredth attempt, and an outage of four days is behind it by then', () => {
    expect(nextAttemptAt(ATTEMPTS_MAX, END, { retryAfterMs: 0, chance: 0 })).toBeNull();
    const sum = Array.from({ length: ATTEMPTS_MAX - 1 }, (_, index) => waitMs(index + 1)).reduce((one, other) => one + other);
    expect(sum).toBeGreaterThan(3.9 * 86_400_000);
  });

  it('is always between five seconds and a day', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: ATTEMPTS_MAX - 1 }),
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempts, after, chance) => {
          const wait = waitMs(attempts, after, chance);
          return wait >= 5_000 && wait <= 86_400_000;
        },
      ),
    );
  });
});
