import type { Client } from 'pg';
import type { LogMessage, SubscribeOptions } from '../event-log';
import { WatchedClient } from '../../postgres/watched-client';
import { pause } from '../pause';
import type { Reports } from '../reports';
import { PartitionConsumer } from './partition-consumer';
import { PartitionReads } from './partition-reads';
import { GIVE_PARTITION, JOIN, LEAVE, MEMBERS, MEMBERS_CHANGED, PARTITIONS, PUBLISHED, TAKE_PARTITIONS } from './statements';

/** In company, how soon the partitions of a member that was killed are taken over: nobody is left to announce that. */
const LOOK_AROUND_MS = 500;

/** Alone there is nobody to take over from, and who joins announces it. */
const LOOK_AROUND_ALONE_MS = 5_000;

/** Messages are announced; this only bounds how long a lost announcement can go unnoticed. */
const POLL_MS = 5_000;

/** A statement without an answer for so long means that the connection is gone, whatever the network says. */
const ANSWER_TIMEOUT_MS = 12_000;
/** Where nobody answers, the network alone would go on asking for two minutes. */
const CONNECT_TIMEOUT_MS = 5_000;

export interface GroupSessionOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly subscription: SubscribeOptions;
  readonly reports: Reports;
  publishDead(letters: readonly LogMessage[]): Promise<void>;
  progressed(): void;
}

/**
 * One membership in a consumer group: one connection that is told of new messages, holds the locks of its partitions, reads them and
 * commits. All of it lives and dies with the connection, so a member that has lost its partitions can no longer move their cursors.
 */
export class GroupSession {
  private readonly client: Client;
  private readonly reads: PartitionReads;
  private readonly ending = new AbortController();
  private readonly consumers = new Map<number, PartitionConsumer>();
  private lookAgain = new AbortController();
  private error: Error | null = null;
  private pollAt = 0;

  constructor(private readonly options: GroupSessionOptions) {
    this.client = new WatchedClient({
      connectionString: options.url,
      application_name: options.applicationName,
      pipeline: true,
      query_timeout: ANSWER_TIMEOUT_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      // A cursor that is lost in a crash repeats messages, which everybody must stand anyway: no commit waits for the disk.
      options: '-c synchronous_commit=off',
    });
    this.reads = new PartitionReads(this.client, options.subscription);
  }

  /** Resolves when `leave` was called, rejects when the connection is lost; either way nothing of the group goes on here afterwards. */
  async run(joined: () => void): Promise<void> {
    const { client } = this;
    const { group } = this.options.subscription;
    client.on('error', this.fail);
    client.on('end', () => this.fail(new Error('The connection to the event log has ended')));
    client.on('notification', ({ channel, payload = '' }) => this.hear(channel, payload));
    try {
      await client.connect();
      await client.query(`listen ${PUBLISHED}`);
      await client.query(`listen ${MEMBERS_CHANGED}`);
      await client.query({ ...JOIN, values: [group] });
      joined();
      await this.sharePartitions();
      await this.giveBack([...this.consumers.keys()]);
      if (this.error === null) await client.query({ ...LEAVE, values: [group] });
    } catch (error) {
      this.fail(error);
    } finally {
      await Promise.all([...this.consumers.values()].map((consumer) => consumer.stop()));
      await client.end().catch(() => undefined);
    }
    if (this.error !== null) throw this.error;
  }

  /** Finishes the messages in hand and gives the partitions back. */
  leave(): void {
    this.ending.abort();
    this.lookAgain.abort();
  }

  private readonly fail = (error: unknown): void => {
    if (this.ending.signal.aborted) return;
    this.error = error instanceof Error ? error : new Error(String(error));
    this.leave();
  };

  private hear(channel: string, payload: string): void {
    if (channel === MEMBERS_CHANGED) {
      if (payload === this.options.subscription.group) this.lookAgain.abort();
      return;
    }
    if (payload === '') return this.consumers.forEach((consumer) => consumer.wake());
    for (const place of payload.split(' ')) {
      const colon = place.lastIndexOf(':');
      if (this.options.subscription.topics.includes(place.slice(0, colon))) this.consumers.get(Number(place.slice(colon + 1)))?.wake();
    }
  }

  /** Every member comes to the same division by itself; the locks keep it safe while members see different company. */
  private async sharePartitions(): Promise<void> {
    while (!this.ending.signal.aborted) {
      this.lookAgain = new AbortController();
      const { rows } = await this.client.query<{ me: boolean }>({ ...MEMBERS, values: [this.options.subscription.group] });
      const rank = rows.findIndex(({ me }) => me);
      const mine = everyNth(rows.length, rank);
      await this.giveBack([...this.consumers.keys()].filter((partition) => !mine.includes(partition)));
      await this.take(mine.filter((partition) => !this.consumers.has(partition)));
      this.poll();
      await pause(rows.length > 1 ? LOOK_AROUND_MS : LOOK_AROUND_ALONE_MS, this.lookAgain.signal);
    }
  }

  private poll(): void {
    if (performance.now() < this.pollAt) return;
    this.pollAt = performance.now() + POLL_MS;
    this.consumers.forEach((consumer) => consumer.wake());
  }

  private async take(partitions: readonly number[]): Promise<void> {
    if (partitions.length === 0) return;
    const { client } = this;
    const { subscription, reports, publishDead, progressed } = this.options;
    const { rows } = await client.query<{ partition: number }>({ ...TAKE_PARTITIONS, values: [subscription.group, partitions] });
    for (const { partition } of rows) {
      this.consumers.set(
        partition,
        new PartitionConsumer({ client, reads: this.reads, partition, subscription, reports, publishDead, progressed, failed: this.fail }),
      );
    }
  }

  private async giveBack(partitions: readonly number[]): Promise<void> {
    await Promise.all(
      partitions.map(async (partition) => {
        await this.consumers.get(partition)!.stop();
        this.consumers.delete(partition);
        await this.client.query({ ...GIVE_PARTITION, values: [this.options.subscription.group, partition] });
      }),
    );
  }
}

const everyNth = (members: number, rank: number): number[] =>
  Array.from({ length: PARTITIONS }, (_, partition) => partition).filter((partition) => partition % members === rank);
