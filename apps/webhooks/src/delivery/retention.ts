import type { Pool, PoolClient } from 'pg';
import { Counter, type Registry } from 'prom-client';
import { addDays, today, type LocalDate } from '@works/platform/calendar';
import { newId } from '@works/platform/ids';
import type { Logger } from '@works/platform/logging';
import { Lookout } from '@works/platform/lookout';
import { sqlState, whileAlone } from '@works/platform/postgres';
import { ATTEMPTS_MAX } from '../domain/schedule';
import { recordWithDeaths } from './failures';
import { claimExpired, LEASE_SECONDS, type Result } from './statements';

const EVERY_MS = 3_600_000;

/** Deliveries that expire in one transaction, under the locks of their tenants. */
const EXPIRED_MAX = 200;

/** Nothing is disabled for what was never tried. */
const FOR_EVER_SECONDS = 2_147_483_647;

/** "keep" in ASCII: one worker at a time, by a session's advisory lock. */
const LOCK = 0x6b656570;

const DEADLOCK_DETECTED = '40P01';
const TRIES_MAX = 5;

const TABLES = ['event_log', 'deliveries', 'attempts'] as const;

export interface RetentionParts {
  readonly pool: Pool;
  readonly retentionDays: number;
  /** Of events, if that is longer. */
  readonly eventRetentionDays: number;
  readonly registry: Registry;
  readonly logger: Logger;
  /** The wall clock unless a spec says otherwise. */
  readonly now?: () => Date;
}

/**
 * Lets what is older than the retention leave, a week at a time, by dropping its partitions, and makes partitions ahead. What has waited for so long at
 * an endpoint that nobody enabled becomes a dead letter first, so that nothing that is pending ever stands in the way.
 */
export class Retention {
  private readonly dropped: Counter<'table'>;
  private readonly expired: Counter;
  private readonly lookout = new Lookout(() => this.look());

  constructor(private readonly parts: RetentionParts) {
    this.dropped = new Counter({
      name: 'works_webhooks_weeks_dropped_total',
      help: 'Weeks of events, deliveries and attempts that were older than the retention and have left.',
      labelNames: ['table'],
      registers: [parts.registry],
    });
    for (const table of TABLES) this.dropped.inc({ table }, 0);
    this.expired = new Counter({
      name: 'works_webhooks_expired_total',
      help: 'Deliveries that waited for longer than the retention and have become dead letters.',
      registers: [parts.registry],
    });
  }

  start(): void {
    this.lookout.start();
  }

  stop(): Promise<void> {
    return this.lookout.stop();
  }

  /** One look at everything. Resolves without one when another worker is looking. */
  keep(): Promise<void> {
    const { pool, retentionDays, eventRetentionDays, now = () => new Date() } = this.parts;
    // By UTC, as weeks are.
    const day = today(now(), 'UTC');
    const keptFrom = addDays(day, -retentionDays);
    return whileAlone(pool, LOCK, async (client) => {
      await despiteDeadlocks(() => client.query('select works_make_partitions($1)', [day]));
      await this.expire(new Date(keptFrom));
      await this.drop(client, keptFrom, addDays(day, -eventRetentionDays));
    });
  }

  private async look(): Promise<number> {
    await this.keep().catch((error: unknown) =>
      this.parts.logger.warn({ err: error }, 'making and dropping partitions failed; the next hour tries again'),
    );
    return EVERY_MS;
  }

  private async expire(before: Date): Promise<void> {
    const { pool, retentionDays, logger } = this.parts;
    for (;;) {
      const leaseToken = newId('wrk');
      const leased = await claimExpired(pool, { before, leaseToken, leaseSeconds: LEASE_SECONDS, limit: EXPIRED_MAX });
      if (leased.length === 0) return;
      const endedAt = new Date();
      const results = leased.map((delivery): Result => ({
        attemptId: newId('att'),
        leased: delivery,
        number: Math.min(ATTEMPTS_MAX, delivery.attemptsMade + 1),
        status: 'dead',
        nextAttemptAt: null,
        outcome: {
          startedAt: endedAt,
          endedAt,
          durationMs: 0,
          timings: { dns: null, connect: null, first_byte: null },
          address: null,
          statusCode: null,
          responseBody: null,
          responseHeaders: null,
          error: {
            stage: 'expired',
            code: 'retention',
            detail: `It had waited for ${retentionDays} days, and nothing is kept for longer before it is sent.`,
          },
        },
      }));
      const { recorded } = await recordWithDeaths(pool, results, FOR_EVER_SECONDS);
      this.expired.inc(recorded);
      logger.warn({ deliveries: recorded }, 'deliveries that waited for longer than the retention are dead letters now');
    }
  }

  private async drop(client: PoolClient, keptFrom: LocalDate, eventsKeptFrom: LocalDate): Promise<void> {
    const { rows } = await despiteDeadlocks(() =>
      client.query<{ parent: string; week: string; row_count: string }>(
        'select parent, week::text, row_count::text from works_drop_old_partitions($1, $2)',
        [keptFrom, eventsKeptFrom],
      ),
    );
    for (const { parent, week, row_count: rowCount } of rows) {
      this.dropped.inc({ table: parent });
      this.parts.logger.info({ table: parent, week, rows_about: Number(rowCount) }, 'a week that is older than the retention has left');
    }
  }
}

/** A claim that is under way may hold one partition and want another that we hold: then the server refuses one of the two, and that one asks again. */
async function despiteDeadlocks<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (sqlState(error) !== DEADLOCK_DETECTED || tries === TRIES_MAX) throw error;
    }
  }
}
