import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { DEFAULT_BATCH_MAX, DeliveryGivenUp, recover, type Delivery } from '../deliver';
import type { LogMessage, ReceivedMessage, SubscribeOptions } from '../event-log';
import { pause } from '../pause';
import type { Reports } from '../reports';
import { RETRY } from './client';

/** Heartbeats in a session's length. Also how soon a member hears that the group's members have changed. */
const HEARTBEATS_PER_SESSION = 6;
/** A handler that is busy when the members change may take this long; then its partitions are given to others. */
const REBALANCE_TIMEOUT_MS = 30_000;
/** How long an idle fetch waits at the broker. New messages end it at once; leaving, and a partition that resumes, have to wait for it. */
const FETCH_WAIT_MS = 500;
/** Where others' messages are many, they are passed over many at a time. */
const PASSED_OVER_MS = 10;
/** What was handled in the last moment before a kill is handled again. */
const COMMIT_AFTER_MS = 100;
/** As many as the embedded log works on at a time; more would only queue for the service's database. */
const PARTITIONS_AT_A_TIME = 6;

export interface GroupMemberOptions {
  readonly kafka: Kafka;
  readonly subscription: SubscribeOptions;
  readonly reports: Reports;
  readonly sessionTimeoutMs: number;
  ensureTopics(): Promise<void>;
  publishDead(letters: readonly LogMessage[]): Promise<void>;
  /** The group has handled everything of the partition before `next`. */
  progressed(topic: string, partition: number, next: bigint): void;
}

/** One consumer, from joining the group until it leaves or crashes. */
export class GroupMember {
  private readonly consumer: Consumer;
  private readonly heartbeatMs: number;
  private readonly leaving = new AbortController();
  /** Aborts when partitions are divided anew: what is retried aside may belong to somebody else now. */
  private generation = new AbortController();
  private readonly calls = new Set<Promise<void>>();
  private readonly batches = new Set<Promise<void>>();
  private committing: Promise<void> | null = null;
  private uncommitted = false;

  constructor(private readonly options: GroupMemberOptions) {
    const { kafka, subscription, sessionTimeoutMs } = options;
    this.heartbeatMs = sessionTimeoutMs / HEARTBEATS_PER_SESSION;
    this.consumer = kafka.consumer({
      groupId: subscription.group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: this.heartbeatMs,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      minBytes: 1,
      allowAutoTopicCreation: false,
      // It would not restart after some errors, so it never does: a crash always ends here, and a new member begins.
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
  }

  /** Resolves after `leave`, rejects when the consumer has crashed; either way it handles nothing afterwards. */
  async run(joined: () => void): Promise<void> {
    const { consumer } = this;
    const { subscription, ensureTopics } = this.options;
    const crashed = new Promise<never>((_, reject) => consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error)));
    crashed.catch(() => undefined);
    consumer.on(consumer.events.GROUP_JOIN, () => {
      joined();
      this.beginGeneration();
    });
    try {
      await ensureTopics();
      await consumer.connect();
      await consumer.subscribe({ topics: [...subscription.topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: PARTITIONS_AT_A_TIME,
        eachBatch: (payload) => track(this.batches, this.consumeBatch(payload)),
      });
      await Promise.race([crashed, aborted(this.leaving.signal)]);
    } finally {
      this.generation.abort();
      // The group must hear of what was handled before it hears that we are gone.
      await Promise.allSettled(this.batches);
      await this.committing;
      await consumer.disconnect().catch(() => undefined);
    }
  }

  /** Resolves when the messages in hand are handled; `run` then says goodbye to the group. */
  async leave(): Promise<void> {
    this.leaving.abort();
    this.generation.abort();
    await Promise.allSettled(this.calls);
  }

  private beginGeneration(): void {
    this.generation.abort();
    this.generation = new AbortController();
    if (this.leaving.signal.aborted) this.generation.abort();
    // Partitions that were set aside are read again from their committed offset, by whoever has them now.
    const paused = this.consumer.paused();
    if (paused.length > 0) this.consumer.resume(paused);
  }

  private async consumeBatch(payload: EachBatchPayload): Promise<void> {
    const { subscription, progressed } = this.options;
    for (const messages of slices(received(payload.batch), subscription.batchMax ?? DEFAULT_BATCH_MAX)) {
      if (!payload.isRunning() || payload.isStale() || this.leaving.signal.aborted) return;
      const prefixes = subscription.keyPrefixes ?? [''];
      const wanted = messages.filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)));
      try {
        if (wanted.length > 0) await this.whileAlive(payload.heartbeat, subscription.handle(wanted));
        else await pause(PASSED_OVER_MS, this.leaving.signal);
      } catch (error) {
        this.setAside(wanted, error, payload.pause());
        return;
      }
      const { topic, partition, offset } = messages.at(-1)!;
      payload.resolveOffset(offset);
      this.commitSoon(payload);
      progressed(topic, partition, BigInt(offset) + 1n);
      await payload.heartbeat();
    }
  }

  /** A handler may take longer than the session lives. A heartbeat that fails needs no answer here: the one after the handler fails as well. */
  private async whileAlive(heartbeat: () => Promise<void>, call: Promise<void>): Promise<void> {
    const timer = setInterval(() => void heartbeat().catch(() => undefined), this.heartbeatMs);
    try {
      await track(this.calls, call);
    } finally {
      clearInterval(timer);
    }
  }

  /**
   * One commit at a time, of all that was handled meanwhile: the broker writes each into a log of its own, and a commit for each partition would cost
   * more than the messages. One that fails is no loss: the member is about to lose its partitions, or the next commit says it all.
   */
  private commitSoon(payload: EachBatchPayload): void {
    this.uncommitted = true;
    this.committing ??= (async () => {
      while (this.uncommitted) {
        await pause(COMMIT_AFTER_MS, this.leaving.signal);
        this.uncommitted = false;
        await payload
          .commitOffsetsIfNecessary(payload.uncommittedOffsets())
          .catch((error: unknown) => this.options.reports.debug({ err: error }, 'a commit failed'));
      }
      this.committing = null;
    })();
  }

  /** Retries without holding up other partitions, which are fetched together with this one. This one is paused meanwhile. */
  private setAside(messages: readonly ReceivedMessage[], error: unknown, resume: () => void): void {
    const { subscription, reports, publishDead, progressed } = this.options;
    const { topic, partition } = messages[0]!;
    const { signal } = this.generation;
    const handled = async (message: ReceivedMessage): Promise<void> => {
      if (signal.aborted) throw new DeliveryGivenUp();
      const next = BigInt(message.offset) + 1n;
      await this.consumer.commitOffsets([{ topic, partition, offset: String(next) }]);
      this.consumer.seek({ topic, partition, offset: String(next) });
      progressed(topic, partition, next);
    };
    const delivery: Delivery = { options: subscription, reports, publishDead, signal, handled };
    const retried = recover(messages, error, delivery)
      // Given up or not committed: the partition is read again from where it was.
      .catch((reason: unknown) => reports.debug({ err: reason, group: subscription.group, topic, partition }, 'a partition is read again'))
      .finally(() => {
        if (!signal.aborted) resume();
      });
    void track(this.calls, retried);
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

function track(running: Set<Promise<void>>, work: Promise<void>): Promise<void> {
  running.add(work);
  const done = (): void => void running.delete(work);
  work.then(done, done);
  return work;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
