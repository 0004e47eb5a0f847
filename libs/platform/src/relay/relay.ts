import { EventEmitter } from 'node:events';
import type { Client, Pool, QueryConfig } from 'pg';
import { Counter, type Registry } from 'prom-client';
import type { EventLog } from '../event-log';
import { mayDieAt } from '../fault-points';
import type { Logger } from '../logging';
import { WatchedClient } from '../postgres/watched-client';
import { BATCH_MAX, FAIR_BATCH, FIRST_BATCH, FIRST_TURN, messageOf, PUBLISHED, turnAfter, type OutboxRow, type Turn } from './outbox';

/** A commit wakes the relay; this only bounds how long a lost wake-up can go unnoticed. */
const RELAY_POLL_MS = 1_000;

/**
 * The time between two publishes. What comes alone is published at once; what follows sooner than the log's least time shares a publish, and all that
 * follows from it in the log and its consumers, with whatever has gathered: at 200 events a second that is a fifth of all the work. The more the last
 * publish held, the longer the next may gather: below some 500 events a second the time stays at its least, above it grows to its most.
 */
const PUBLISH_EVERY_MS = { perEvent: 2, most: 20 } as const;

/** How often a standby asks whether the leader is gone. */
const STANDBY_POLL_MS = 500;

/** A server that says nothing for so long is gone, whatever the network says. Its successor is to be served within ten seconds. */
const SILENCE_MS = 8_000;
/** Where nobody answers, the network alone would go on asking for two minutes. */
const CONNECT_TIMEOUT_MS = 5_000;

const RECONNECT_MS = [100, 200, 500, 1_000] as const;

/** "rela" in ASCII: the advisory lock is per database, so it only has to differ from our other locks. */
const LEADER_LOCK = 0x72656c61;

export interface RelayOptions {
  /** The worker role: it sees every tenant's events and the outbox. */
  readonly databaseUrl: string;
  /** Of the same role; used to wake a leader that runs in another process. */
  readonly pool: Pool;
  readonly service: string;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly registry?: Registry;
  /** How long the server may say nothing while a statement waits. Default 8 s. */
  readonly silenceMs?: number;
}

/**
 * Publishes what stands in the outbox: at least once, each stream in the order of its versions, and fairly among tenants. What the event log has is
 * then deleted from the outbox. One relay per database is active, by a session's advisory lock; the others stand by and take over when that session ends.
 */
export class Relay {
  private readonly signals = new EventEmitter();
  private running: Promise<void> | null = null;
  private stopped = false;
  private leading = false;
  private poked = false;
  private notifying = false;
  private notifyAgain = false;

  private readonly published: Counter;

  constructor(private readonly options: RelayOptions) {
    this.published = new Counter({
      name: 'works_relay_published_total',
      help: 'Messages that the event log has taken from the relay.',
      registers: options.registry === undefined ? [] : [options.registry],
    });
  }

  start(): void {
    this.running ??= this.keepRunning();
  }

  /** Called after every commit. Cheap: a flag and, when the relay sleeps, one wake-up. */
  readonly poke = (): void => {
    if (!this.leading) return this.notifyLeader();
    if (this.poked) return;
    this.poked = true;
    this.signals.emit('poke');
  };

  /** Outside the write's transaction, where a notification would serialise commits; many commits share one. */
  private notifyLeader(): void {
    if (this.notifying) return void (this.notifyAgain = true);
    this.notifying = true;
    // A notification that fails costs latency only: the leader polls as well.
    void this.options.pool
      .query("select pg_notify('works_relay', '')")
      .catch(() => undefined)
      .finally(() => {
        this.notifying = false;
        if (this.notifyAgain) {
          this.notifyAgain = false;
          this.notifyLeader();
        }
      });
  }

  get isLeader(): boolean {
    return this.leading;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.signals.emit('poke');
    this.signals.emit('stop');
    await this.running;
  }

  private async keepRunning(): Promise<void> {
    const { logger, service } = this.options;
    for (let failures = 0; !this.stopped;) {
      try {
        await this.lead(() => (failures = 0));
      } catch (error) {
        const waitMs = RECONNECT_MS[Math.min(failures++, RECONNECT_MS.length - 1)]!;
        if (failures === 1) logger.warn({ err: error, service }, 'the relay lost its database or the event log; it keeps trying');
        await this.sleep(waitMs);
      } finally {
        this.leading = false;
      }
    }
  }

  private async lead(succeeded: () => void): Promise<void> {
    const client: Client = new WatchedClient({
      connectionString: this.options.databaseUrl,
      application_name: `${this.options.service} relay`,
      connectionTimeoutMillis: Math.min(this.options.silenceMs ?? CONNECT_TIMEOUT_MS, CONNECT_TIMEOUT_MS),
      query_timeout: this.options.silenceMs ?? SILENCE_MS,
    });
    const broken = new Promise<never>((_, reject) => client.on('error', reject));
    broken.catch(() => undefined);
    try {
      await client.connect();
      await Promise.race([broken, this.publishForEver(client, succeeded)]);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  private async publishForEver(client: Client, succeeded: () => void): Promise<void> {
    while (!(await this.becomeLeader(client))) {
      await this.sleep(STANDBY_POLL_MS);
      if (this.stopped) return;
    }
    this.leading = true;
    // Commits of other instances reach the leader as notifications; its own through `poke`.
    client.on('notification', this.poke);
    await client.query('listen works_relay');
    await client.query('select works_present_epoch()');
    // A deletion that is lost in a crash only repeats messages: it need not wait for the disk. And every read here is a range of an index:
    // the statistics of the outbox are always behind, and must not lead to a scan of all of it.
    await client.query('set synchronous_commit = off; set enable_seqscan = off; set enable_bitmapscan = off; set jit = off');
    let after: Turn = FIRST_TURN;
    let isCrowded = false;
    while (!this.stopped) {
      const startedAt = performance.now();
      this.poked = false;
      const next: QueryConfig = isCrowded ? { values: [after.organization_id, after.livemode], ...FAIR_BATCH } : FIRST_BATCH;
      const { rows }: { rows: OutboxRow[] } = await client.query<OutboxRow>(next);
      if (rows.length === 0) {
        // Behind the last tenant of a turn there may be none, and others before it.
        if (after === FIRST_TURN) {
          isCrowded = false;
          await this.untilPoked();
        }
        after = FIRST_TURN;
        continue;
      }
      after = isCrowded ? turnAfter(rows) : FIRST_TURN;
      // It lasts until nothing is left: of an uneven crowd a fair batch takes few.
      isCrowded ||= rows.length === BATCH_MAX;
      await this.options.log.publish(rows.map((row) => messageOf(row, this.options.service)));
      this.published.inc(rows.length);
      mayDieAt('relay-published');
      await client.query({ values: [rows.map(({ at }) => at)], ...PUBLISHED });
      succeeded();
      if (!isCrowded) await this.sleep(this.gatheringMs(rows.length) - (performance.now() - startedAt));
    }
  }

  private async becomeLeader(client: Client): Promise<boolean> {
    const { rows } = await client.query<{ leader: boolean }>('select pg_try_advisory_lock($1) as leader', [LEADER_LOCK]);
    return rows[0]!.leader;
  }

  private gatheringMs(events: number): number {
    return Math.min(Math.max(events * PUBLISH_EVERY_MS.perEvent, this.options.log.publishEveryMs), PUBLISH_EVERY_MS.most);
  }

  private async untilPoked(): Promise<void> {
    if (!this.poked) await this.wait(RELAY_POLL_MS, 'poke');
  }

  private async sleep(ms: number): Promise<void> {
    await this.wait(ms, 'stop');
  }

  /** Resolves after the time or at the signal. An AbortSignal for each of the waits would be a weak reference, and those live until a full collection. */
  private async wait(ms: number, signal: 'poke' | 'stop'): Promise<void> {
    if (ms <= 0 || this.stopped) return;
    await new Promise<void>((resolve) => {
      const over = () => {
        clearTimeout(timer);
        this.signals.off(signal, over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      this.signals.on(signal, over);
    });
  }
}
