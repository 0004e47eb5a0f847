import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../logging';
import { whileAlone } from '../postgres';
import { republish, type PublishedFact } from './published-facts';

/** Facts that are asked about at once. */
const PAGE = 1_000;

/** How long after a failure, such as a neighbour that is away, it is tried again. */
const AGAIN_MS = 2_000;

/** "repa" in ASCII: one process at a time, by a session's advisory lock. */
const LOCK = 0x72657061;

export interface RelayRepairOptions {
  /** Of the worker role. */
  readonly pool: Pool;
  /** Which of these events the organizations' log, which takes in every public fact, has never heard of. */
  unknownEvents(ids: readonly string[]): Promise<readonly string[]>;
  /** Called after facts were put into the outbox. */
  readonly poke: () => void;
  readonly registry: Registry;
  readonly logger: Logger;
}

interface Repair {
  name: string;
  looked_at: string;
  through: string;
  found: string;
}

/**
 * Publishes the facts that an older relay has passed over: it read in the order of text, in which 100 comes before 99. A migration says up to which
 * position that may have happened; each fact there is looked for downstream, once, and put into the outbox when nobody has heard of it.
 */
export class RelayRepair {
  private readonly repaired: Counter;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(private readonly options: RelayRepairOptions) {
    this.repaired = new Counter({
      name: 'works_relay_repaired_total',
      help: 'Facts that an older relay had passed over and that were published after the upgrade.',
      registers: [options.registry],
    });
  }

  start(): void {
    this.running ??= this.untilDone();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** True while there is something to look through: until then nobody can say what has been published. */
  async isPending(): Promise<boolean> {
    return (await this.pending()) !== null;
  }

  private async untilDone(): Promise<void> {
    const { pool, logger } = this.options;
    for (let failures = 0; !this.stopping.signal.aborted;) {
      try {
        if ((await this.pending()) === null) return;
        await whileAlone(pool, LOCK, (client) => this.lookThrough(client));
        failures = 0;
      } catch (error) {
        if (failures++ === 0) logger.warn({ err: error }, 'looking for facts that were passed over failed; it is tried again');
      }
      await delay(AGAIN_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  private async pending(on: Pool | PoolClient = this.options.pool): Promise<Repair | null> {
    const { rows } = await (on as Pool).query<Repair>(
      'select r.name, r.looked_at::text, r.through::text, r.found::text from repairs r order by r.name collate "C" limit 1',
    );
    return rows[0] ?? null;
  }

  private async lookThrough(client: PoolClient): Promise<void> {
    const { pool, poke, logger } = this.options;
    for (let repair = await this.pending(client); repair !== null && !this.stopping.signal.aborted; repair = await this.pending(client)) {
      const facts = await this.next(client, repair);
      if (facts.length === 0) {
        await client.query('delete from repairs where name = $1', [repair.name]);
        logger.info({ facts: repair.found, name: repair.name }, 'published the facts that had been passed over; all others were known');
        continue;
      }
      const unknown = new Set(await this.options.unknownEvents(facts.map(({ id }) => id)));
      const passedOver = facts.filter(({ id }) => unknown.has(id));
      const found = await republish(
        pool,
        passedOver.map(({ position }) => position),
        true,
      );
      if (found > 0) poke();
      this.repaired.inc(found);
      for (const { id } of passedOver) logger.warn({ event_id: id }, 'a fact had been passed over; it is published now');
      await client.query('update repairs set looked_at = $2::bigint, found = found + $3::bigint where name = $1', [
        repair.name,
        facts.at(-1)!.position,
        found,
      ]);
    }
  }

  private async next(client: PoolClient, { looked_at, through }: Repair): Promise<PublishedFact[]> {
    const { rows } = await client.query<PublishedFact>(
      `select e.id, e.position::text as position from events e
        where e.position > $1::bigint and e.position <= $2::bigint and e.topic is not null order by e.position limit ${PAGE}`,
      [looked_at, through],
    );
    return rows;
  }
}
