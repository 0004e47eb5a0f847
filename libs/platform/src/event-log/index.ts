export { DEFAULT_RETRY, deadTopicOf } from './deliver';
export { embeddedLog, type EmbeddedLogOptions } from './embedded/embedded-log';
export * from './event-log';
export type { KafkaLogOptions } from './kafka/kafka-log';
export { MessageTooLarge } from './message-size';
export { openEventLog, type EventLogConfig } from './open-event-log';
export type { Reports } from './reports';
