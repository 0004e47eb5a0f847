import type { Evolve } from '@works/platform/decider';
import { RuleViolation } from '@works/platform/errors';
import type { Id } from '@works/platform/ids';

export type TestClockId = Id<'clk'>;

export interface TestClockEvent {
  readonly type: 'test_clock.advanced';
  /** `now` is what the clock shows right after it. */
  readonly data: { readonly id: TestClockId; readonly offset_ms: number; readonly now: string };
}

/** A clock runs as the real one does, so all there is to know of it is how far ahead it is. */
export interface TestClock {
  readonly id: TestClockId;
  readonly offset_ms: number;
  readonly created_at: string;
  readonly updated_at: string;
}

/** Further on, or to an instant (milliseconds since 1970). */
export type Advance = { readonly byMs: number } | { readonly toMs: number };

interface Circumstances {
  readonly id: TestClockId;
  /** The real time, in milliseconds since 1970. */
  readonly realMs: number;
  readonly offsetMsMax: number;
}

/** Only ever forward: what has happened cannot come to lie in the future. */
export function advanceTestClock(clock: TestClock | null, advance: Advance, { id, realMs, offsetMsMax }: Circumstances): TestClockEvent[] {
  const present = offsetOf(clock);
  const wanted = 'byMs' in advance ? present + advance.byMs : advance.toMs - realMs;
  if (wanted < present) throw outOfRange(`The test clock shows ${instant(realMs + present)} already; it only moves forward.`);
  if (wanted > offsetMsMax) throw outOfRange(`The test clock can be at ${instant(realMs + offsetMsMax)} at the latest.`);
  if (wanted === present) return [];
  return [{ type: 'test_clock.advanced', data: { id, offset_ms: wanted, now: instant(realMs + wanted) } }];
}

export const evolve: Evolve<TestClock, TestClockEvent> = (clock, { data: { id, offset_ms, now } }) => ({
  id,
  offset_ms,
  created_at: clock?.created_at ?? now,
  updated_at: now,
});

/** A clock that has never been moved shows the real time. */
export const offsetOf = (clock: TestClock | null): number => clock?.offset_ms ?? 0;

const instant = (ms: number): string => new Date(ms).toISOString();

const outOfRange = (detail: string): RuleViolation => new RuleViolation('test_clock_out_of_range', detail);
