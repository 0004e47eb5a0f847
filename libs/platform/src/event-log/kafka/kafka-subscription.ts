import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { DEFAULT_BATCH_MAX, recover, type Delivery } from '../deliver';
import type { LogMessage, ReceivedMessage, SubscribeOptions, Subscription } from '../event-log';
import { pause, reconnectDelayMs } from '../pause';
import type { Reports } from '../reports';
import { RETRY } from './client';
import type { GroupOffsets } from './group-offsets';

/** Heartbeats in a session's length. Also how soon a member hears that the group's members have changed. */
const HEARTBEATS_PER_SESSION = 6;
/** A handler that is busy when the members change may take this long; then its partitions are given to others. */
const REBALANCE_TIMEOUT_MS = 30_000;
/** How long an idle fetch waits at the broker. New messages end it at once; a partition that resumes has to wait for it. */
const FETCH_WAIT_MS = 500;
/** As many as the embedded log works on at a time; more would only queue for the service's database. */
const PARTITIONS_AT_A_TIME = 6;
/** How long leaving the group may take. With the brokers away it would wait for them; the group then finds out by itself. */
const GOODBYE_MS = 3_000;
/** How often another instance's progress is looked at; our own is heard of at once. */
const CHECK_MS = 25;

export interface KafkaSubscriptionOptions {
  readonly kafka: Kafka;
  readonly subscription: SubscribeOptions;
  readonly reports: Reports;
  readonly offsets: GroupOffsets;
  readonly sessionTimeoutMs: number;
  ensureTopics(): Promise<void>;
  publishDead(letters: readonly LogMessage[]): Promise<void>;
}

/** A consumer group's member. A consumer that crashes is replaced by a new one, for ever. */
export class KafkaSubscription implements Subscription {
  private readonly signals = new EventEmitter();
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  /** Aborts when partitions are divided anew: what is retried aside may belong to somebody else now. */
  private generation = new AbortController();
  private committing: Promise<void> | null = null;
  private uncommitted = false;
  /** Calls of the handler, and what is retried aside. */
  private readonly inHand = new Set<Promise<void>>();

  constructor(private readonly options: KafkaSubscriptionOptions) {
    this.signals.setMaxListeners(0);
    this.running = this.keepJoined();
  }

  async caughtUp(): Promise<void> {
    const { offsets } = this.options;
    const ends = await this.patiently(() => offsets.extents());
    while (offsets.unhandled(ends) > 0) {
      await once(this.signals, 'progress', { signal: AbortSignal.timeout(CHECK_MS) }).catch(() => this.patiently(() => offsets.refresh()));
    }
  }

  async lag(): Promise<number> {
    const { offsets } = this.options;
    const [ends] = await Promise.all([offsets.extents(), offsets.refresh()]);
    return offsets.unhandled(ends);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.generation.abort();
    await Promise.all(this.inHand);
    await Promise.race([this.running, delay(GOODBYE_MS, undefined, { ref: false })]);
  }

  private async keepJoined(): Promise<void> {
    const { reports, subscription } = this.options;
    for (let failures = 0; !this.stopping.signal.aborted; ) {
      try {
        await this.consume(() => (failures = 0));
      } catch (error) {
        if (++failures === 1) reports.warn({ err: error, group: subscription.group }, 'the consumer lost the event log; it keeps trying');
        await pause(reconnectDelayMs(failures), this.stopping.signal);
      }
    }
  }

  /** Resolves when we stop, rejects when the consumer has crashed. */
  private async consume(joined: () => void): Promise<void> {
    const { kafka, subscription, ensureTopics, sessionTimeoutMs } = this.options;
    const consumer = kafka.consumer({
      groupId: subscription.group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: this.heartbeatMs,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      minBytes: 1,
      allowAutoTopicCreation: false,
      // It would not restart after some errors, so it never does: a crash always ends here, and we begin anew.
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
    const crashed = new Promise<never>((_, reject) => consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error)));
    crashed.catch(() => undefined);
    consumer.on(consumer.events.GROUP_JOIN, () => {
      joined();
      this.beginGeneration(consumer);
    });
    try {
      await ensureTopics();
      await consumer.connect();
      await consumer.subscribe({ topics: [...subscription.topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: PARTITIONS_AT_A_TIME,
        eachBatch: (payload) => this.consumeBatch(payload, consumer),
      });
      await Promise.race([crashed, aborted(this.stopping.signal)]);
    } finally {
      this.generation.abort();
      // The group must hear of what was handled before it hears that we are gone.
      await Promise.all(this.inHand);
      await this.committing;
      await consumer.disconnect().catch(() => undefined);
    }
  }

  private beginGeneration(consumer: Consumer): void {
    this.generation.abort();
    this.generation = new AbortController();
    if (this.stopping.signal.aborted) this.generation.abort();
    // Partitions that were set aside are read again from their committed offset, by whoever has them now.
    const paused = consumer.paused();
    if (paused.length > 0) consumer.resume(paused);
  }

  private async consumeBatch(payload: EachBatchPayload, consumer: Consumer): Promise<void> {
    const { subscription } = this.options;
    const { batch, heartbeat } = payload;
    for (const messages of slices(received(batch), subscription.batchMax ?? DEFAULT_BATCH_MAX)) {
      if (!payload.isRunning() || payload.isStale() || this.stopping.signal.aborted) return;
      const handled = subscription.handle(messages).then(() => this.moveOn(messages.at(-1)!, payload));
      try {
        await this.keepInHand(this.whileAlive(heartbeat, handled));
      } catch (error) {
        this.setAside(messages, error, payload.pause(), consumer);
        return;
      }
      await heartbeat();
    }
  }

  private moveOn({ topic, partition, offset }: ReceivedMessage, payload: EachBatchPayload): void {
    payload.resolveOffset(offset);
    this.commitSoon(payload);
    this.progressed(topic, partition, String(BigInt(offset) + 1n));
  }

  /**
   * One commit at a time, of all that was handled meanwhile: with many topics a commit for each partition would cost more than the messages.
   * One that fails is no loss: the member is about to lose its partitions, or the next commit says it all.
   */
  private commitSoon(payload: EachBatchPayload): void {
    this.uncommitted = true;
    this.committing ??= (async () => {
      while (this.uncommitted) {
        this.uncommitted = false;
        await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets()).catch((error: unknown) => this.options.reports.debug({ err: error }, 'a commit failed'));
      }
      this.committing = null;
    })();
  }

  /** A handler may take longer than the session lives. A failed heartbeat needs no answer here: the next one between batches fails as well. */
  private async whileAlive(heartbeat: () => Promise<void>, work: Promise<void>): Promise<void> {
    const timer = setInterval(() => void heartbeat().catch(() => undefined), this.heartbeatMs);
    try {
      await work;
    } finally {
      clearInterval(timer);
    }
  }

  private get heartbeatMs(): number {
    return this.options.sessionTimeoutMs / HEARTBEATS_PER_SESSION;
  }

  /** Retries without holding up other partitions, which are fetched together with this one. This one is paused meanwhile. */
  private setAside(messages: readonly ReceivedMessage[], error: unknown, resume: () => void, consumer: Consumer): void {
    const { subscription, reports, publishDead } = this.options;
    const { topic, partition } = messages[0]!;
    const { signal } = this.generation;
    const handled = async (message: ReceivedMessage): Promise<void> => {
      const offset = nextOffset(message);
      await consumer.commitOffsets([{ topic, partition, offset }]);
      if (signal.aborted) return;
      consumer.seek({ topic, partition, offset });
      this.progressed(topic, partition, offset);
    };
    const delivery: Delivery = { options: subscription, reports, publishDead, signal, handled };
    const retried = recover(messages, error, delivery)
      // Given up or not committed: the partition is read again from where it was.
      .catch((reason: unknown) => reports.debug({ err: reason, group: subscription.group, topic, partition }, 'a partition is read again'))
      .finally(() => {
        if (!signal.aborted) resume();
      });
    void this.keepInHand(retried);
  }

  private keepInHand(work: Promise<void>): Promise<void> {
    const settled = work.catch(() => undefined).finally(() => this.inHand.delete(settled));
    this.inHand.add(settled);
    return work;
  }

  private progressed(topic: string, partition: number, offset: string): void {
    this.options.offsets.noteNext(topic, partition, BigInt(offset));
    this.signals.emit('progress');
  }

  /** The log may be away for a while; whoever waits has a bound of their own. */
  private async patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await ask();
      } catch (error) {
        if (this.stopping.signal.aborted) throw error;
        await pause(reconnectDelayMs(failures), this.stopping.signal);
      }
    }
  }
}

function received(batch: EachBatchPayload['batch']): ReceivedMessage[] {
  return batch.messages.map(({ offset, key, value, headers = {} }) => ({
    topic: batch.topic,
    partition: batch.partition,
    offset,
    key: key?.toString() ?? '',
    value: value?.toString() ?? '',
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
  }));
}

function* slices<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size);
}

const nextOffset = (message: ReceivedMessage): string => String(BigInt(message.offset) + 1n);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
