/**
 * The port to the event log: Kafka, or the embedded log on one Postgres table. Both pass the same conformance suite.
 *
 * Promises: messages of one key and topic arrive in the order they were published; every message arrives at least once;
 * an offset moves only after the handler has resolved. Order across topics is never promised.
 */
export interface EventLog {
  /** Largest `value` in bytes (UTF-8) that `publish` takes. Writers must refuse before they store. */
  readonly valueBytesMax: number;
  /** The least time between two publishes, in ms: about as long as one more costs all who take part in it. */
  readonly publishEveryMs: number;
  /** Makes the topics and their dead-letter twins (`<topic>.dead`). Idempotent. */
  ensureTopics(topics: readonly string[]): Promise<void>;
  /** Resolves once every message is durable; rejects without promising that none was. The relay then publishes all again. */
  publish(messages: readonly LogMessage[]): Promise<void>;
  /** Joins the consumer group. A group that is new, or a topic new to it, is read from the start. */
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  close(): Promise<void>;
}

export interface LogMessage {
  topic: string;
  /** Decides the partition; messages with equal keys keep their order within a topic. */
  key: string;
  /** JSON, as the outsider sees it. */
  value: string;
  headers: Readonly<Record<string, string>>;
}

export interface ReceivedMessage extends LogMessage {
  partition: number;
  /** Position in the partition; grows, may have gaps. */
  offset: string;
}

export interface SubscribeOptions {
  group: string;
  topics: readonly string[];
  /**
   * Handles messages of one partition, in order, all or nothing. When it rejects, the messages are tried one at a time; one that keeps
   * failing is retried with back-off and then goes to `<topic>.dead` with its error, and the partition moves on.
   */
  handle(messages: readonly ReceivedMessage[]): Promise<void>;
  /** Says that an error is an outage (the database is away), which is waited out for ever and never makes a dead letter. */
  isOutage(error: unknown): boolean;
  retry?: RetryPolicy;
  /** Only messages whose key begins with one of these are handled; the group passes over the others without reading their values. Default: all. */
  keyPrefixes?: readonly string[];
  /** Messages in one call of `handle`, at most. Default 250. */
  batchMax?: number;
}

export interface RetryPolicy {
  /** Waits before try 2, 3, …; one more failure after the last wait makes a dead letter. */
  delaysMs: readonly number[];
  /** Wait between tries during an outage. */
  outageDelayMs: number;
}

export interface Subscription {
  /** Resolves when everything that was in the group's topics at the time of the call has been handled by the group, on any instance. */
  caughtUp(): Promise<void>;
  /** Messages that the group has still to handle. Rejects while the log cannot be asked. */
  lag(): Promise<number>;
  /** Finishes the message in hand, gives the partitions back. */
  stop(): Promise<void>;
}
