import { Controller, Get, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { Unguarded } from '../http';
import { Backlogs, type Backlog } from './backlogs';
import { WORKER_POOL } from './tokens';

const OVER_MAX = 2 ** 31 - 1;

/** Tells the gateway whose writes this service's relay has not kept up with. It shows nothing of anybody's data. */
@Controller()
export class BacklogsController {
  private readonly backlogs: Backlogs;

  constructor(@Inject(WORKER_POOL) workers: Pool) {
    this.backlogs = new Backlogs(workers);
  }

  /** `GET /internal/backlogs?over=<n>` answers `{ "data": [ { "organization_id", "livemode", "facts" } ] }`: the tenants with more than n unpublished facts. */
  @Get('/internal/backlogs')
  @Unguarded()
  async answer(@Req() request: FastifyRequest): Promise<{ data: readonly Backlog[] }> {
    const { over } = request.query as Record<string, string | undefined>;
    return { data: await this.backlogs.over(/^\d{1,10}$/.test(over ?? '') ? Math.min(Number(over), OVER_MAX) : 0) };
  }
}
