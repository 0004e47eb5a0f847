import type { Pool } from 'pg';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Leased, Outcome } from './attempt';
import type { FannedOut, Released } from './fan-out';

/** Ages of what is due and not under way, and how many are counted of each. */
const AGES_SECONDS = [1, 10, 60, 600, 3_600] as const;
const COUNTED_MAX = 10_000;

const RELEASED: readonly Released['reason'][] = ['arrived', 'never_public', 'past_retention', 'unknown', 'dead_letter'];

export class DeliveryMetrics {
  private readonly attempts: Counter<'outcome'>;
  private readonly duration: Histogram;
  private readonly lateness: Histogram<'lane'>;
  private readonly heldBack: Counter;
  private readonly released: Counter<'reason'>;
  readonly inFlight: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.attempts = new Counter({
      name: 'works_delivery_attempts_total',
      help: 'Attempts by what came of them.',
      labelNames: ['outcome'],
      registers,
    });
    this.duration = new Histogram({
      name: 'works_delivery_attempt_duration_seconds',
      help: 'From look-up to last byte.',
      buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15],
      registers,
    });
    this.lateness = new Histogram({
      name: 'works_delivery_lateness_seconds',
      help: 'From when an attempt was due to its beginning, by lane. Waiting for places, a breaker or a rate is in it.',
      labelNames: ['lane'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3_600],
      registers,
    });
    this.heldBack = new Counter({
      name: 'works_webhooks_held_back_total',
      help: 'Events that came before one that they depend on, and were held back.',
      registers,
    });
    this.released = new Counter({
      name: 'works_webhooks_released_total',
      help: 'Events that had been held back and were numbered, by why: what they waited for arrived, or was given up.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of RELEASED) this.released.inc({ reason }, 0);
    this.inFlight = new Gauge({ name: 'works_deliveries_in_flight', help: 'Attempts under way in this process.', registers });
  }

  /** Counts what is overdue when somebody asks. What waits for a disabled endpoint is not late. */
  watchBacklog(pool: Pool, registry: Registry): void {
    const backlog = new Gauge({
      name: 'works_deliveries_overdue',
      help: `Deliveries that have been due for longer than this many seconds and are not under way, each counted up to ${COUNTED_MAX}.`,
      labelNames: ['older_than'],
      registers: [registry],
      collect: async () => {
        const { rows } = await pool.query<{ seconds: number; overdue: number }>(OVERDUE, [AGES_SECONDS]).catch(() => ({ rows: [] }));
        for (const { seconds, overdue } of rows) backlog.set({ older_than: String(seconds) }, overdue);
      },
    });
  }

  /** Counts what is held back when somebody asks. */
  watchHeldBack(pool: Pool, registry: Registry): void {
    const heldBack = new Gauge({
      name: 'works_webhooks_held_back',
      help: `Events that are held back because they came before one that they depend on, counted up to ${COUNTED_MAX}.`,
      registers: [registry],
      collect: async () => {
        const { rows } = await pool
          .query<{ held: number }>('select count(*)::int as held from (select from early_events h limit $1) h', [COUNTED_MAX])
          .catch(() => ({ rows: [] }));
        for (const { held } of rows) heldBack.set(held);
      },
    });
  }

  noteHeld({ held, released }: Pick<FannedOut, 'held' | 'released'>): void {
    this.heldBack.inc(held);
    for (const { reason } of released) this.released.inc({ reason });
  }

  note(leased: Leased, outcome: Outcome): void {
    this.lateness.observe({ lane: leased.lane }, Math.max(0, outcome.startedAt.getTime() - leased.dueAt.getTime()) / 1_000);
    this.attempts.inc({ outcome: outcome.error?.stage ?? 'delivered' });
    this.duration.observe(outcome.durationMs / 1_000);
  }
}

const OVERDUE = `
  select ages.seconds, (select count(*)::int
                          from (select d.endpoint_id from deliveries_pending d
                                 where d.next_attempt_at is not null and d.lease_token is null and d.due_at < now() - make_interval(secs => ages.seconds)
                                 order by d.due_at limit ${COUNTED_MAX}) late
                          join webhook_endpoints e on e.id = late.endpoint_id and e.status = 'enabled') as overdue
    from unnest($1::integer[]) as ages(seconds)`;
