import type { Pool, PoolClient } from 'pg';
import { Counter, type Registry } from 'prom-client';
import type { Logger } from '@works/platform/logging';
import { whileAlone } from '@works/platform/postgres';
import type { Lag, Peers } from '@works/platform/service';
import { deliverySeed, unknownEvents } from './statements';

const EVERY_MS = 60_000;

/** What one round looks at: numbers of one endpoint, facts of one service, deliveries that wait in vain. The next round goes on from there. */
const SEQUENCES_MAX = 10_000;
const FACTS_MAX = 20_000;
const DELIVERIES_MAX = 500;

/** Ids that fit into one request. */
const AGAIN_MAX = 200;

/** Longer than a busy service takes to handle what is in the log; one that is further behind is asked again in the next round. */
const CATCH_UP_MS = 20_000;

/** "reco" in ASCII: one worker at a time, by a session's advisory lock. */
const LOCK = 0x7265636f;

export type Reconciled = 'event_not_taken_in' | 'sequence_missing' | 'sequence_unexplained' | 'delivery_without_future';

export interface ReconcilerParts {
  readonly pool: Pool;
  readonly peers: Pick<Peers, 'publishedAfter' | 'tellFactsAgain'>;
  readonly lag: Pick<Lag, 'caughtUp'>;
  /** The services whose facts become events here. */
  readonly sources: readonly string[];
  /** What is older may have left, and is not missing. */
  readonly eventRetentionDays: number;
  readonly registry: Registry;
  readonly logger: Logger;
}

/**
 * Looks for what should be impossible, puts it right, and counts it: facts of other services that never became events here, numbers of an endpoint
 * that no delivery has, deliveries that wait for what will not come. As long as its metric stays at 0, nothing had to be put right.
 */
export class Reconciler {
  private readonly found: Counter<'kind'>;
  private timer: NodeJS.Timeout | null = null;
  private round: Promise<void> | null = null;

  constructor(private readonly parts: ReconcilerParts) {
    this.found = new Counter({
      name: 'works_webhooks_reconciled_total',
      help: 'What was found missing or stuck and was put right; sequence_unexplained is what could not be.',
      labelNames: ['kind'],
      registers: [parts.registry],
    });
    for (const kind of ['event_not_taken_in', 'sequence_missing', 'sequence_unexplained', 'delivery_without_future'] satisfies Reconciled[])
      this.found.inc({ kind }, 0);
  }

  start(): void {
    this.timer = setInterval(() => void (this.round ??= this.tryRound().finally(() => (this.round = null))), EVERY_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    await this.round;
  }

  /** One look at everything. Resolves without one when another worker is looking. */
  reconcile(): Promise<void> {
    return whileAlone(this.parts.pool, LOCK, async (client) => {
      await this.reconcileSequences(client);
      await this.reconcileFutures(client);
      for (const source of this.parts.sources) await this.reconcileFacts(client, source);
    });
  }

  private async tryRound(): Promise<void> {
    await this.reconcile().catch((error: unknown) =>
      this.parts.logger.warn({ err: error }, 'reconciling failed; the next round tries again'),
    );
  }

  private async reconcileSequences(client: PoolClient): Promise<void> {
    const { rows } = await client.query<{ endpoint_id: string; sequence: string; event_id: string | null }>(
      'select * from works_reconcile_sequences($1, $2)',
      [SEQUENCES_MAX, deliverySeed()],
    );
    for (const row of rows) this.note(row.event_id === null ? 'sequence_unexplained' : 'sequence_missing', row);
  }

  private async reconcileFutures(client: PoolClient): Promise<void> {
    const { rows } = await client.query<{ delivery_id: string; outcome: string }>('select * from works_reconcile_futures($1)', [
      DELIVERIES_MAX,
    ]);
    for (const row of rows) this.note('delivery_without_future', row);
  }

  /**
   * What a service has published, and this one, having handled all that is in the event log, has not taken in: the log has lost it, or it is
   * among the log's dead letters. The service publishes it again; what fails even so has been said as an error, and is passed by.
   */
  private async reconcileFacts(client: PoolClient, source: string): Promise<void> {
    const { peers, lag } = this.parts;
    const name = `reconciled ${source}`;
    const { rows } = await client.query<{ epoch: string; position: string }>(
      'select c.epoch, c.position::text as position from checkpoints c where c.name = $1',
      [name],
    );
    let position = { epoch: rows[0]?.epoch ?? null, at: BigInt(rows[0]?.position ?? 0) };
    for (let looked = 0; looked < FACTS_MAX;) {
      const { epoch, data: facts } = await peers.publishedAfter(source, position);
      if (facts.length === 0 || !(await lag.caughtUp(CATCH_UP_MS))) return;
      const unknown = new Set(
        await unknownEvents(
          client,
          facts.map(({ id }) => id),
          this.parts.eventRetentionDays,
        ),
      );
      const missing = facts.filter(({ id }) => unknown.has(id));
      for (let from = 0; from < missing.length; from += AGAIN_MAX)
        await peers.tellFactsAgain(
          source,
          missing.slice(from, from + AGAIN_MAX).map(({ id }) => id),
        );
      for (const { id } of missing) this.note('event_not_taken_in', { source, event_id: id });
      position = { epoch, at: BigInt(facts.at(-1)!.position) };
      await client.query(
        `insert into checkpoints (name, epoch, position) values ($1, $2, $3::bigint)
         on conflict (name) do update set epoch = excluded.epoch, position = excluded.position, updated_at = now()`,
        [name, epoch, position.at.toString()],
      );
      looked += facts.length;
    }
  }

  private note(kind: Reconciled, what: object): void {
    this.found.inc({ kind });
    this.parts.logger.error({ ...what, kind }, 'something was missing or stuck, which should be impossible');
  }
}
