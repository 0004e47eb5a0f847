import { embeddedLog } from './embedded/embedded-log';
import type { EventLog } from './event-log';
import type { Reports } from './reports';

export interface EventLogConfig {
  readonly eventLog: 'embedded' | 'kafka';
  /** With `embedded`: the log database, as its app role. */
  readonly logDatabaseUrl?: string;
  /** With `kafka`: `host:port`, one or several separated by commas. */
  readonly kafkaBrokers?: string | readonly string[];
  /** With `kafka`: see KafkaLogOptions. */
  readonly sessionTimeoutMs?: number;
  /** The service, as brokers and the database see it. */
  readonly clientId: string;
  readonly reports?: Reports;
}

/** The event log that the configuration names. Neither connects before it is used, so a log that is away does not keep a service from starting. */
export async function openEventLog({
  eventLog,
  logDatabaseUrl,
  kafkaBrokers,
  sessionTimeoutMs,
  clientId,
  reports,
}: EventLogConfig): Promise<EventLog> {
  if (eventLog === 'embedded') {
    if (!logDatabaseUrl) throw new Error('The embedded event log needs LOG_DATABASE_URL');
    return embeddedLog({ url: logDatabaseUrl, instance: clientId, reports });
  }
  const brokers = typeof kafkaBrokers === 'string' ? kafkaBrokers.split(',').map((broker) => broker.trim()) : (kafkaBrokers ?? []);
  if (brokers.length === 0) throw new Error('The Kafka event log needs KAFKA_BROKERS');
  // Loaded only where it is used: the client takes some 10 MB.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() would need an extension that only the built file has
  const { kafkaLog } = require('./kafka/kafka-log') as typeof import('./kafka/kafka-log');
  return kafkaLog({ brokers, clientId, sessionTimeoutMs, reports });
}
