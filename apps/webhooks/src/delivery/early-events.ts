import type { Pool, PoolClient } from 'pg';
import type { Logger } from '@works/platform/logging';
import { timeOfId, type Id } from '@works/platform/ids';
import { Lookout } from '@works/platform/lookout';
import { whileAlone } from '@works/platform/postgres';
import { FATES_MAX, type FactFate, type Lag, type Peers } from '@works/platform/service';
import type { DeliveryEngine } from './delivery-engine';
import { HOLD_SECONDS, type GivenUp } from './fan-out';

const LOOK_EVERY_MS = 5_000;

/** What was published again is here in a second or two, or lies among the dead letters. */
const AGAIN_SECONDS = 5;

/** Held events in one look: each awaits two others at most, and these fit into one question. */
const EARLY_MAX = FATES_MAX / 2;

/** Ids of what arrived in the end are not looked for one by one. */
const TOLD_AGAIN_MAX = 10_000;

/** Longer than a busy service takes to handle what is in the log; one that is further behind is looked at again in the next round. */
const CATCH_UP_MS = 20_000;

/** "earl" in ASCII: one worker at a time, by a session's advisory lock. */
const LOCK = 0x6561726c;

export interface EarlyEventsParts {
  readonly pool: Pool;
  readonly engine: Pick<DeliveryEngine, 'release'>;
  readonly peers: Pick<Peers, 'factFates' | 'tellFactsAgain'>;
  readonly lag: Pick<Lag, 'caughtUp'>;
  /** The services whose facts become events here. */
  readonly sources: readonly string[];
  /** What is older need not be in the log. */
  readonly eventsKeptMs: number;
  readonly logger: Logger;
}

interface Overdue {
  id: string;
  organization_id: string;
  livemode: boolean;
  missing: string[];
}

/**
 * Asks the owners of what has been waited for too long, and lets events go on without it only if it will not come: it was never public, is too old
 * to be kept, is unknown to every owner, or was published twice, handled, and is still not here, which makes it a dead letter.
 */
export class EarlyEvents {
  private readonly lookout = new Lookout(() => this.look());
  /** Published again on our word. Whoever forgets it, as a new process does, has it published once more. */
  private readonly toldAgain = new Set<string>();

  constructor(private readonly parts: EarlyEventsParts) {}

  start(): void {
    this.lookout.start();
  }

  stop(): Promise<void> {
    return this.lookout.stop();
  }

  /** One look at what is due to be asked about. Resolves without one when another worker is looking. */
  ask(): Promise<void> {
    return whileAlone(this.parts.pool, LOCK, async (client) => {
      const { rows } = await client.query<Overdue>('select * from works_overdue_early($1)', [EARLY_MAX]);
      if (rows.length === 0) return;
      const missing = [...new Set(rows.flatMap((row) => row.missing))];
      const givenUp = await this.givenUp(client, missing);
      const released = await this.parts.engine.release({
        ids: rows.map(({ id }) => id),
        tenants: rows.map((row) => ({ organizationId: row.organization_id, livemode: row.livemode })),
        givenUp,
      });
      for (const { event, reason } of released) {
        if (reason !== 'arrived')
          this.parts.logger.warn(
            { event_id: event.id, reason },
            'an event was numbered without one that it depends on, which will not come',
          );
      }
      for (const id of givenUp.keys()) this.toldAgain.delete(id);
      const again = rows.some((row) => row.missing.some((id) => this.toldAgain.has(id)));
      await client.query('update early_events set ask_at = now() + make_interval(secs => $2) where id = any ($1)', [
        rows.map(({ id }) => id),
        again ? AGAIN_SECONDS : HOLD_SECONDS,
      ]);
    });
  }

  private async look(): Promise<number> {
    await this.ask().catch((error: unknown) =>
      this.parts.logger.warn({ err: error }, 'asking for what held events wait for failed; the next round tries again'),
    );
    return LOOK_EVERY_MS;
  }

  private async givenUp(client: PoolClient, missing: readonly string[]): Promise<Map<string, GivenUp>> {
    const keptFromMs = Date.now() - this.parts.eventsKeptMs;
    const isOld = (id: string) => timeOfId(id as Id) < keptFromMs;
    const givenUp = new Map<string, GivenUp>(missing.filter(isOld).map((id) => [id, 'past_retention']));
    const asked = missing.filter((id) => !isOld(id));
    const published: { source: string; id: string }[] = [];
    for (const [id, { fate, source }] of await this.fatesOf(asked)) {
      if (fate === 'never_public' || fate === 'unknown') givenUp.set(id, fate);
      if (fate === 'published') published.push({ source, id });
    }
    for (const id of await this.deadOf(client, published)) givenUp.set(id, 'dead_letter');
    return givenUp;
  }

  /** Each with whoever knows it. An id is unknown only if every service has said so; as long as one is away, it is not answered for. */
  private async fatesOf(ids: readonly string[]): Promise<Map<string, { fate: FactFate; source: string }>> {
    const fates = new Map<string, { fate: FactFate; source: string }>();
    if (ids.length === 0) return fates;
    let away = false;
    for (const source of this.parts.sources) {
      const answer = await this.parts.peers.factFates(source, ids).catch((error: unknown) => {
        this.parts.logger.warn({ err: error, source }, 'a service could not be asked for what held events wait for');
        away = true;
        return new Map<string, FactFate>();
      });
      for (const [id, fate] of answer) if (fate !== 'unknown' || !fates.has(id)) fates.set(id, { fate, source });
    }
    return away ? new Map([...fates].filter(([, { fate }]) => fate !== 'unknown')) : fates;
  }

  /**
   * What is in the event log, and is neither numbered nor held although everything in the log has been handled, was lost by the log or is among the
   * dead letters. It is published again; where that has been done before, it can only be a dead letter.
   */
  private async deadOf(client: PoolClient, published: readonly { source: string; id: string }[]): Promise<string[]> {
    if (published.length === 0 || !(await this.parts.lag.caughtUp(CATCH_UP_MS))) return [];
    const { rows } = await client.query<{ id: string }>(
      `select p.id from unnest($1::text[]) as p(id)
        where p.id <> all (works_numbered($1)) and (select true from early_events h where h.id = p.id) is null`,
      [published.map(({ id }) => id)],
    );
    const absent = new Set(rows.map(({ id }) => id));
    const dead = [...absent].filter((id) => this.toldAgain.has(id));
    for (const source of this.parts.sources) {
      const ids = published.filter((one) => one.source === source && absent.has(one.id) && !dead.includes(one.id)).map(({ id }) => id);
      if (ids.length === 0) continue;
      await this.parts.peers.tellFactsAgain(source, ids);
      if (this.toldAgain.size > TOLD_AGAIN_MAX) this.toldAgain.clear();
      for (const id of ids) this.toldAgain.add(id);
    }
    return dead;
  }
}
