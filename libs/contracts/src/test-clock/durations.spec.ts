import { validate } from 'class-validator';
import { AdvanceTestClockBody, durationMs } from '.';

const isTaken = async (by: string) => (await validate(Object.assign(new AdvanceTestClockBody(), { by }))).length === 0;

describe('a duration', () => {
  it.each([
    ['P2D', 172_800_000],
    ['P1W', 604_800_000],
    ['PT90M', 5_400_000],
    ['P1DT2H3M4S', 93_784_000],
    ['PT0S', 0],
  ])('%s is %d ms', async (by, ms) => {
    expect(await isTaken(by)).toBe(true);
    expect(durationMs(by)).toBe(ms);
  });

  // How long a month is depends on when it begins; and whoever sends a negative duration wants what a clock does not do.
  it.each(['', 'P', 'PT', 'P1M', 'P1Y', '-P1D', 'P-1D', 'P1.5D', 'P1D2H', '2D', 'p2d', 'P1DT'])('%j is none', async (by) =>
    expect(await isTaken(by)).toBe(false),
  );
});
