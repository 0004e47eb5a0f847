import type { Pool } from 'pg';
import type { Logger } from '@works/platform/logging';
import { Lookout } from '@works/platform/lookout';
import { deliverySeed } from './statements';

/** Bounds how long a job that another process made, or left, can go unnoticed. */
const LOOK_EVERY_MS = 1_000;
/** What cannot be done is tried again after this time, and keeps no other job waiting. */
const POSTPONE_SECONDS = 5;

export interface ReplayRunnerParts {
  readonly pool: Pool;
  readonly logger: Logger;
  /** Deliveries have been made and committed, some of them under new numbers of these endpoints. */
  readonly made: (endpointIds: readonly string[]) => void;
}

/**
 * Makes the steps of replay jobs, one at a time: each is one statement (works_replay_step), which is whole or did not happen. Any number of
 * processes may do so; a killed one has left nothing behind, and the job goes on in another, or here after the next start.
 */
export class ReplayRunner {
  private readonly lookout = new Lookout(() => this.look());
  private stopping = false;

  constructor(private readonly parts: ReplayRunnerParts) {}

  start(): void {
    this.lookout.start();
  }

  /** Looks for steps that are due. */
  wake(): void {
    this.lookout.wake();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.lookout.stop();
  }

  private look(): Promise<number> {
    return this.work().catch((error: unknown) => {
      this.parts.logger.warn({ err: error }, 'looking for replays failed; it is tried again');
      return LOOK_EVERY_MS;
    });
  }

  /** Makes every step that is due now; resolves with the milliseconds until the next can be. */
  private async work(): Promise<number> {
    const { rows } = await this.parts.pool.query<{ id: string; endpoint_id: string | null; due_in_ms: number }>({
      name: 'works_next_replays',
      text: `select id, endpoint_id, extract(epoch from due_at - now())::float * 1000 as due_in_ms
               from replay_jobs where status = 'running' order by due_at limit 50`,
    });
    const due = rows.filter(({ due_in_ms }) => due_in_ms <= 0);
    for (const { id, endpoint_id } of due) {
      if (this.stopping) return LOOK_EVERY_MS;
      await this.step(id, endpoint_id);
    }
    return due.length > 0 ? 0 : Math.min(rows[0]?.due_in_ms ?? LOOK_EVERY_MS, LOOK_EVERY_MS);
  }

  private async step(id: string, endpointId: string | null): Promise<void> {
    const { pool, logger, made } = this.parts;
    try {
      const { rows } = await pool.query<{ made: number; status: string }>({
        name: 'works_replay_step',
        text: 'select * from works_replay_step($1, $2)',
        values: [id, deliverySeed()],
      });
      if (rows[0] === undefined) return;
      if (rows[0].made > 0) made(endpointId === null ? [] : [endpointId]);
      if (rows[0].status !== 'running') logger.info({ replay_id: id, status: rows[0].status }, 'a replay has ended');
    } catch (error) {
      logger.warn({ err: error, replay_id: id }, 'a step of a replay failed; it is tried again');
      await pool.query('update replay_jobs set due_at = now() + make_interval(secs => $2) where id = $1 and due_at <= now()', [
        id,
        POSTPONE_SECONDS,
      ]);
    }
  }
}
