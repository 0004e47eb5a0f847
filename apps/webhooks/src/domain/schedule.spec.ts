import { ATTEMPTS_MAX, nextAttemptAt } from './schedule';

describe('the schedule of attempts', () => {
  it('is at once, then 1s 4s 16s 1m 5m 30m 2h after the attempt before ended, to the millisecond', () => {
    const waits: number[] = [];
    let now = new Date('2026-11-23T10:00:00.123Z');
    for (let number = 1; ; number++) {
      const next = nextAttemptAt(number, now);
      if (next === null) break;
      waits.push(next.getTime() - now.getTime());
      now = next;
    }
    expect(waits).toEqual([1_000, 4_000, 16_000, 60_000, 300_000, 1_800_000, 7_200_000]);
    expect(waits).toHaveLength(ATTEMPTS_MAX - 1);
  });
});
