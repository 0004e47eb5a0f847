import type { Kafka, Producer } from 'kafkajs';
import type { LogMessage } from '../event-log';
import { partsOf } from '../message-size';

/** kafkajs makes one record batch of all messages for a partition, and the broker limits the batch: a request stays below that limit as a whole. */
const REQUEST_BYTES_MAX = 1_040_000;

/** The broker has lost track of this producer, or the other way round; the same producer would be refused for ever. */
const LOST_SEQUENCE = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
]);

/** An idempotent producer: what it repeats after a lost answer is stored once, and every message is on all replicas before `send` resolves. */
export class KafkaPublisher {
  private producer: Promise<Producer> | null = null;

  constructor(private readonly kafka: Kafka) {}

  async send(messages: readonly LogMessage[]): Promise<void> {
    for (const part of partsOf(messages, REQUEST_BYTES_MAX)) {
      const producer = await this.connected();
      try {
        await producer.sendBatch({ acks: -1, topicMessages: byTopic(part) });
      } catch (error) {
        if (hasLostSequence(error)) await this.close();
        throw error;
      }
    }
  }

  async close(): Promise<void> {
    const producer = await this.producer?.catch(() => null);
    this.producer = null;
    await producer?.disconnect();
  }

  private connected(): Promise<Producer> {
    this.producer ??= this.connect().catch((error: unknown) => {
      this.producer = null;
      throw error;
    });
    return this.producer;
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    await producer.connect();
    return producer;
  }
}

function byTopic(messages: readonly LogMessage[]) {
  const topics = new Map<string, LogMessage[]>();
  for (const message of messages) {
    const same = topics.get(message.topic);
    if (same) same.push(message);
    else topics.set(message.topic, [message]);
  }
  return [...topics].map(([topic, same]) => ({ topic, messages: same.map(({ key, value, headers }) => ({ key, value, headers })) }));
}

/** kafkajs wraps what the broker said in what it makes of it. */
function hasLostSequence(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (LOST_SEQUENCE.has((cause as Error & { type?: string }).type ?? '')) return true;
  }
  return false;
}
