import type { Client } from 'pg';
import { deliver, DeliveryGivenUp, type Delivery } from '../deliver';
import type { LogMessage, ReceivedMessage, SubscribeOptions } from '../event-log';
import type { Reports } from '../reports';
import type { Cursors, PartitionReads } from './partition-reads';
import { CURSORS } from './statements';

export interface PartitionConsumerOptions {
  /** The session that holds the partition's lock: when it dies, this consumer can no longer read or commit, and another one may. */
  readonly client: Client;
  readonly reads: PartitionReads;
  readonly partition: number;
  readonly subscription: SubscribeOptions;
  readonly reports: Reports;
  publishDead(letters: readonly LogMessage[]): Promise<void>;
  /** A cursor has moved. */
  progressed(): void;
  /** The session cannot be used any more. */
  failed(error: unknown): void;
}

/** Reads, handles and commits one partition in order, for as long as it is ours. */
export class PartitionConsumer {
  private readonly giveUp = new AbortController();
  private readonly cursors = new Map<string, string>();
  private readonly delivery: Delivery;
  private inHand: ReceivedMessage[] = [];
  private woken = false;
  private wakeUp: (() => void) | null = null;
  private committed: Promise<void> = Promise.resolve();
  private readonly running: Promise<void>;

  constructor(private readonly options: PartitionConsumerOptions) {
    this.delivery = {
      options: options.subscription,
      reports: options.reports,
      signal: this.giveUp.signal,
      publishDead: (letters) => options.publishDead(letters),
      handled: (message) => this.commitThrough(message),
    };
    this.running = this.run().catch((error: unknown) => {
      if (!(error instanceof DeliveryGivenUp)) options.failed(error);
    });
  }

  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  /** Resolves when the messages in hand are handled and committed and nothing of the partition is going on here any more. */
  async stop(): Promise<void> {
    this.giveUp.abort();
    this.wake();
    await this.running;
    await this.committed;
  }

  private async run(): Promise<void> {
    await this.loadCursors();
    while (!this.giveUp.signal.aborted) {
      this.woken = false;
      const { messages, through, more } = await this.options.reads.read(this.options.partition, this.cursors);
      if (this.giveUp.signal.aborted) return;
      if (messages.length > 0) {
        this.inHand = [...messages];
        await deliver(messages, this.delivery);
      }
      this.passOver(through);
      if (!more) await this.untilWoken();
    }
  }

  private async loadCursors(): Promise<void> {
    const { client, partition, subscription } = this.options;
    // A topic without a cursor is new to the group and read from the start.
    for (const topic of subscription.topics) this.cursors.set(topic, '0');
    const { rows } = await client.query<{ topic: string; offset: string }>({
      ...CURSORS,
      values: [subscription.group, partition, subscription.topics],
    });
    for (const { topic, offset } of rows) this.cursors.set(topic, offset);
  }

  /**
   * Not awaited: the next read can follow, and a commit that fails means that the connection has.
   * The messages are then handled again, by whoever has the partition next.
   */
  private commitThrough(last: ReceivedMessage): void {
    const handled = this.inHand.splice(0, this.inHand.indexOf(last) + 1);
    const moved = new Map(handled.map(({ topic, offset }) => [topic, offset]));
    this.commit(moved);
  }

  /** What was read and is not for us is behind us as well. */
  private passOver(through: Cursors): void {
    const moved = new Map([...through].filter(([topic, offset]) => this.cursors.get(topic) !== offset));
    if (moved.size > 0) this.commit(moved);
  }

  private commit(moved: Cursors): void {
    const { partition, reads, progressed, failed } = this.options;
    for (const [topic, offset] of moved) this.cursors.set(topic, offset);
    this.committed = reads.commit(partition, moved).then(progressed, failed);
  }

  private async untilWoken(): Promise<void> {
    if (this.woken) return;
    await new Promise<void>((resolve) => (this.wakeUp = resolve));
    this.wakeUp = null;
  }
}
