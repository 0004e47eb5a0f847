import { Fixed, IdOf, Instant, Text, WholeNumber } from '../fields';

/** No test is about what happens later than in ten years. */
export const TEST_CLOCK_OFFSET_MS_MAX = 3_650 * 86_400_000;

/** Weeks, days, hours, minutes and seconds. No years and months: how long those are depends on when they begin. */
const DURATION = /^P(?=[\dT])(?:\d{1,4}W)?(?:\d{1,5}D)?(?:T(?=\d)(?:\d{1,6}H)?(?:\d{1,7}M)?(?:\d{1,9}S)?)?$/;

/** What the present instant is in test mode, for one organization. It runs on as the real one does, from where it was moved to. */
export class TestClock {
  @IdOf('clk')
  id!: string;

  @Fixed('test_clock')
  object!: 'test_clock';

  @Instant({ description: 'The present instant in test mode.' })
  now!: string;

  @WholeNumber({ min: 0, max: TEST_CLOCK_OFFSET_MS_MAX, description: 'By how many milliseconds it is ahead of the real time.' })
  offset_ms!: number;

  @Instant({ nullable: true, description: 'Null, like `updated_at`, while it has never been moved.' })
  created_at!: string | null;

  @Instant({ nullable: true })
  updated_at!: string | null;

  @WholeNumber({ min: 0, max: 2_147_483_647, description: 'How often it has been moved.' })
  version!: number;
}

/** Body of `POST /test_clock/advance`: one of the two. */
export class AdvanceTestClockBody {
  @Text({
    optional: true,
    max: 40,
    pattern: DURATION,
    refusal: { code: 'wrong_format', detail: 'must be an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as P2DT12H' },
    description: 'An ISO 8601 duration of weeks, days, hours, minutes and seconds.',
    example: 'P2DT12H',
  })
  by?: string;

  @Instant({ optional: true, description: 'The instant that is to be the present one.' })
  to?: string;
}

/** The `data` of `test_clock.advanced`: the clock right after it, and where it was. */
export type TestClockEventData = {
  test_clock: TestClock;
  previous: Pick<TestClock, 'now' | 'offset_ms'>;
};

const UNITS_MS = [7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1_000];
const PARTS = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/** Milliseconds of a duration as `by` takes it. */
export function durationMs(duration: string): number {
  const [, ...parts] = PARTS.exec(duration) ?? [];
  return parts.reduce<number>((sum, part, index) => sum + Number(part ?? 0) * UNITS_MS[index]!, 0);
}
