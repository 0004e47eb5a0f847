import { Body, Controller, Post } from '@nestjs/common';
import { AdvanceTestClockBody, durationMs, TEST_CLOCK_OFFSET_MS_MAX, TestClock } from '@works/contracts/test-clock';
import { EventStore, record, requireMatch, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, invalid, Operation, RequireScope, type FieldError } from '@works/platform/http';
import { TenantDatabase } from '@works/platform/tenancy';
import { advanceTestClock, type Advance } from '../domain/test-clock';
import { OverdueScan } from '../overdue/overdue-scan';
import { loadTestClock, presentTestClock, requireTestMode, testClocks } from '../test-clock';

@Controller()
export class AdvanceTestClock {
  constructor(
    private readonly store: EventStore,
    private readonly database: TenantDatabase,
    private readonly scan: OverdueScan,
  ) {}

  /** Two advances at once meet on the version of the clock: the second is decided again, from where the first has moved it to. */
  @Post('/test_clock/advance')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Advance the test clock',
    description:
      'Moves the now of your organization in test mode, forward only, by a duration or to an instant. Overdue tasks, `today`, default start dates, timestamps, the expiry of test keys, and webhook retries and attempts at invoices of test mode that wait follow it; live mode never sees it. With a live key it is refused.',
    tag: 'Test mode',
    body: AdvanceTestClockBody,
    example: { by: 'P1D' },
    answers: { 200: TestClock },
    refuses: ['test_clock_out_of_range', 'test_mode_only', 'version_conflict'],
  })
  async advance(@Body() body: AdvanceTestClockBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const advance = advanceOf(body);
    const answer = await this.store.create(request, () => this.decide(advance, request));
    this.scan.wake();
    return answer;
  }

  private async decide(advance: Advance, request: CommandRequest): Promise<Decision> {
    const { caller } = request;
    requireTestMode(caller);
    const clock = await loadTestClock(this.database, caller);
    requireMatch(request, clock.version);
    const realMs = Date.now();
    const events = advanceTestClock(clock.state, advance, { id: clock.id, realMs, offsetMsMax: TEST_CLOCK_OFFSET_MS_MAX });
    const changes = events.length > 0 ? [record(testClocks, clock, events)] : [];
    const version = clock.version + events.length;
    const body = presentTestClock({ id: clock.id, version, state: changes[0]?.after ?? clock.state }, realMs);
    return { changes, answer: { status: 200, body, version } };
  }
}

/** One of the two, which the body's schema cannot say. */
function advanceOf({ by, to }: AdvanceTestClockBody): Advance {
  const errors: FieldError[] = [];
  if (by === undefined && to === undefined) errors.push({ pointer: '/by', code: 'required', detail: 'is required without to' });
  if (by !== undefined && to !== undefined)
    errors.push({ pointer: '/to', code: 'not_allowed', detail: 'must not be given together with by' });
  const toMs = Date.parse(to ?? '');
  if (to !== undefined && Number.isNaN(toMs))
    errors.push({ pointer: '/to', code: 'not_an_instant', detail: 'must be an instant such as 2026-11-23T10:00:00Z, in no leap second' });
  if (errors.length > 0) throw invalid(errors);
  return by !== undefined ? { byMs: durationMs(by) } : { toMs };
}
