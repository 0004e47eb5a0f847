import { Controller, Get } from '@nestjs/common';
import { TestClock } from '@works/contracts/test-clock';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, Operation, RequireScope, resource } from '@works/platform/http';
import { TenantDatabase } from '@works/platform/tenancy';
import { loadTestClock, presentTestClock, requireTestMode } from '../test-clock';

@Controller()
export class FindTestClock {
  constructor(private readonly database: TenantDatabase) {}

  @Get('/test_clock')
  @RequireScope('tasks:read')
  @Operation({
    summary: 'Get the test clock',
    description: 'What the present instant is for your organization in test mode. It shows the real time until it is moved.',
    tag: 'Test mode',
    answers: { 200: TestClock },
    refuses: ['test_mode_only'],
  })
  async find(@CurrentCaller() caller: Caller) {
    requireTestMode(caller);
    const clock = await loadTestClock(this.database, caller);
    return resource(presentTestClock(clock, Date.now()), clock.version);
  }
}
