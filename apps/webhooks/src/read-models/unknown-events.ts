import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import type { Pool } from 'pg';
import type { ServiceConfig } from '@works/platform/config';
import { Unguarded } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { Lag, SERVICE_CONFIG, WORKER_POOL } from '@works/platform/service';
import { unknownEvents } from '../delivery/statements';

/** Longer than a busy service takes to handle what is in the event log. */
const CATCH_UP_MS = 20_000;

/** Ids in one question. */
const IDS_MAX = 1_000;

/** Tells the other services which of their facts never came here: `POST /internal/unknown_events { "ids" }` answers `{ "data": [ id, … ] }`. */
@Controller()
export class UnknownEvents {
  constructor(
    @Inject(WORKER_POOL) private readonly workers: Pool,
    @Inject(SERVICE_CONFIG) private readonly config: ServiceConfig,
    private readonly lag: Lag,
  ) {}

  @Post('/internal/unknown_events')
  @HttpCode(200)
  @Unguarded()
  async answer(@Body() { ids }: { ids: readonly string[] }): Promise<{ data: string[] }> {
    if (!(await this.lag.caughtUp(CATCH_UP_MS)))
      throw new Problem('not_caught_up', 'Events have still to be handled here.', {}, { 'retry-after': '1' });
    return { data: await unknownEvents(this.workers, ids.slice(0, IDS_MAX), this.config.eventRetentionDays) };
  }
}
