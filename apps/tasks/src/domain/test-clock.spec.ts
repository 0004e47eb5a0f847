import { specificationOf } from '@works/platform/testing';
import { advanceTestClock, evolve, type Advance, type TestClock, type TestClockEvent } from './test-clock';

const given = specificationOf<TestClock | null, TestClockEvent>((clock, event) => evolve(clock, event));

const REAL = '2026-11-23T06:30:00.000Z';
const DAY_MS = 86_400_000;
const id = 'clk_01JD8K3V9QWERTYASDFGHZXCVB';
const advancing = (advance: Advance) => (clock: TestClock | null) =>
  advanceTestClock(clock, advance, { id, realMs: Date.parse(REAL), offsetMsMax: 10 * DAY_MS });
const moved = (days: number, now: string): TestClockEvent => ({ type: 'test_clock.advanced', data: { id, offset_ms: days * DAY_MS, now } });
const to = (instant: string) => ({ toMs: Date.parse(instant) });

describe('a test clock', () => {
  const atTwo = moved(2, '2026-11-25T06:30:00.000Z');

  it('moves on by a duration, from wherever it is', () => {
    given()
      .when(advancing({ byMs: 2 * DAY_MS }))
      .then(atTwo);
    given(atTwo)
      .when(advancing({ byMs: DAY_MS }))
      .then(moved(3, '2026-11-26T06:30:00.000Z'));
  });
  it('moves to an instant', () =>
    given(atTwo)
      .when(advancing(to('2026-11-26T06:30:00Z')))
      .then(moved(3, '2026-11-26T06:30:00.000Z')));
  it('to where it is stays there', () => {
    given()
      .when(advancing({ byMs: 0 }))
      .thenNothing();
    given(atTwo)
      .when(advancing(to('2026-11-25T06:30:00Z')))
      .thenNothing();
  });
  it('never moves back', () => {
    given(atTwo)
      .when(advancing(to('2026-11-25T06:29:59.999Z')))
      .thenRefused('test_clock_out_of_range');
    given()
      .when(advancing(to('2026-11-23T06:29:59.999Z')))
      .thenRefused('test_clock_out_of_range');
  });
  it('has an end', () => {
    given(atTwo)
      .when(advancing({ byMs: 8 * DAY_MS }))
      .then(moved(10, '2026-12-03T06:30:00.000Z'));
    given(atTwo)
      .when(advancing({ byMs: 8 * DAY_MS + 1 }))
      .thenRefused('test_clock_out_of_range');
  });
});
