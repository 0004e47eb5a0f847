import type { Admin, Kafka } from 'kafkajs';
import { deadTopicOf } from '../deliver';
import type { EventLog, LogMessage, SubscribeOptions, Subscription } from '../event-log';
import { refuseTooLarge, VALUE_BYTES_MAX } from '../message-size';
import { noReports, type Reports } from '../reports';
import { kafkaClient } from './client';
import { GroupOffsets } from './group-offsets';
import { KafkaPublisher } from './kafka-publisher';
import { openCluster, type Cluster } from './kafkajs-internals';
import { KafkaSubscription } from './kafka-subscription';
import { Topics } from './topics';

export interface KafkaLogOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** How long a killed consumer's partitions lie idle. Default 6,000, the shortest that brokers allow unless they are told otherwise. */
  readonly sessionTimeoutMs?: number;
  readonly reports?: Reports;
}

const SESSION_TIMEOUT_MS = 6_000;

/** The event log on Apache Kafka. Connects when it is first used, and again, for ever, whenever the brokers were away. */
export async function kafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  return new KafkaLog(options);
}

class KafkaLog implements EventLog {
  readonly valueBytesMax = VALUE_BYTES_MAX;
  readonly publishEveryMs = 10;
  private readonly kafka: Kafka;
  private readonly admin: Admin;
  private readonly cluster: Cluster;
  private readonly topics: Topics;
  private readonly publisher: KafkaPublisher;
  private readonly reports: Reports;
  private readonly sessionTimeoutMs: number;
  private readonly subscriptions: Subscription[] = [];

  constructor({ brokers, clientId, sessionTimeoutMs = SESSION_TIMEOUT_MS, reports = noReports }: KafkaLogOptions) {
    this.reports = reports;
    this.sessionTimeoutMs = sessionTimeoutMs;
    this.kafka = kafkaClient(brokers, clientId, reports);
    this.admin = this.kafka.admin();
    this.cluster = openCluster(this.kafka);
    this.topics = new Topics(this.admin);
    this.publisher = new KafkaPublisher(this.kafka);
  }

  ensureTopics(topics: readonly string[]): Promise<void> {
    return this.topics.ensure(topics.flatMap((topic) => [topic, deadTopicOf(topic)]));
  }

  async publish(messages: readonly LogMessage[]): Promise<void> {
    refuseTooLarge(messages);
    await this.send(messages);
  }

  async subscribe(subscription: SubscribeOptions): Promise<Subscription> {
    const member = new KafkaSubscription({
      kafka: this.kafka,
      subscription,
      reports: this.reports,
      sessionTimeoutMs: this.sessionTimeoutMs,
      offsets: new GroupOffsets(this.cluster, this.admin, subscription.group, subscription.topics),
      ensureTopics: () => this.ensureTopics(subscription.topics),
      publishDead: (letters) => this.send(letters),
    });
    this.subscriptions.push(member);
    return member;
  }

  async close(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.stop()));
    await Promise.all([this.publisher.close(), this.admin.disconnect(), this.cluster.disconnect()]);
  }

  private async send(messages: readonly LogMessage[]): Promise<void> {
    // A topic comes into being when it is first used, as on the embedded log.
    await this.topics.ensure([...new Set(messages.map(({ topic }) => topic))]);
    await this.publisher.send(messages);
  }
}
