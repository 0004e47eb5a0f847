import { Controller, Get, Inject } from '@nestjs/common';
import type { Pool } from 'pg';
import { Unguarded } from '../http';
import { WORKER_POOL } from './tokens';

/** Tells the gateway how far this service's store has come: nothing that it has answered so far lies beyond. */
@Controller()
export class PresentPositionController {
  constructor(@Inject(WORKER_POOL) private readonly workers: Pool) {}

  /** `GET /internal/position` answers `{ "position": "e4f9a01c.733" }`, as `Works-Position` says it. */
  @Get('/internal/position')
  @Unguarded()
  async answer(): Promise<{ position: string }> {
    const { rows } = await this.workers.query<{ position: string }>({
      name: 'works_present_position',
      text: "select works_present_epoch() || '.' || s.last_value as position from events_position_seq s",
    });
    return { position: rows[0]!.position };
  }
}
