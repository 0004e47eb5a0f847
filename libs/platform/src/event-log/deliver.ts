import type { LogMessage, ReceivedMessage, RetryPolicy, SubscribeOptions } from './event-log';
import { pause } from './pause';
import type { Reports } from './reports';

/** Three more tries in 2.6 seconds: enough for a deadlock or a late neighbour, short enough not to hold the partition up. */
export const DEFAULT_RETRY: RetryPolicy = { delaysMs: [100, 500, 2_000], outageDelayMs: 500 };
export const DEFAULT_BATCH_MAX = 250;

/** An error's text can be a whole page of SQL; a header is not the place for it. */
const DEAD_ERROR_CHARACTERS_MAX = 2_000;

export const deadTopicOf = (topic: string): string => `${topic}.dead`;

/** The partition was taken away or the consumer stops. What was handled so far has been reported; nothing else has happened. */
export class DeliveryGivenUp extends Error {
  constructor() {
    super('The delivery was given up');
    this.name = 'DeliveryGivenUp';
  }
}

export interface Delivery {
  readonly options: SubscribeOptions;
  /** As the log's `publish`, without its limits: a dead letter is a message that was taken before, plus the headers that say what happened. */
  publishDead(letters: readonly LogMessage[]): Promise<void>;
  readonly reports: Reports;
  /** Ends the waits. A call of `handle` is never cut short: what it did could not be told. */
  readonly signal: AbortSignal;
  /** This message and all before it are done: the offset may move. A rejection ends the delivery. */
  handled(message: ReceivedMessage): void | Promise<void>;
}

/**
 * Handles messages of one partition, in order: first all at once; when that fails, one at a time, each with its own tries; what fails to
 * the end becomes a dead letter, and the partition moves on. An outage is waited out for ever and counts as no try.
 */
export async function deliver(messages: readonly ReceivedMessage[], delivery: Delivery): Promise<void> {
  try {
    await delivery.options.handle(messages);
  } catch (error) {
    return recover(messages, error, delivery);
  }
  await delivery.handled(messages.at(-1)!);
}

/** What follows when handling the messages all at once has failed with `error`. */
export async function recover(messages: readonly ReceivedMessage[], error: unknown, delivery: Delivery): Promise<void> {
  const { options, reports } = delivery;
  const { topic, partition } = messages[0]!;
  let failure: Failure | null = { error };
  if (options.isOutage(error)) {
    reports.warn({ err: error, group: options.group, topic, partition }, 'a consumer waits for an outage to end');
    failure = await afterOutage(messages, delivery);
    if (failure === null) return delivery.handled(messages.at(-1)!);
  }
  // A single message has had its first try; of several nobody knows yet which one fails.
  let before = messages.length === 1 ? failure : null;
  for (const message of messages) {
    await handleOne(message, before, delivery);
    before = null;
    await delivery.handled(message);
  }
}

interface Failure {
  error: unknown;
}

/** Tries until the outage is over. Null: the messages are handled. */
async function afterOutage(messages: readonly ReceivedMessage[], delivery: Delivery): Promise<Failure | null> {
  const { options } = delivery;
  for (;;) {
    await waitOrGiveUp((options.retry ?? DEFAULT_RETRY).outageDelayMs, delivery.signal);
    const failure = await attempt(messages, delivery);
    if (failure === null || !options.isOutage(failure.error)) return failure;
  }
}

async function handleOne(message: ReceivedMessage, before: Failure | null, delivery: Delivery): Promise<void> {
  const { delaysMs } = delivery.options.retry ?? DEFAULT_RETRY;
  for (let tries = 1; ; tries++) {
    let failure = before ?? (await attempt([message], delivery));
    before = null;
    if (failure !== null && delivery.options.isOutage(failure.error)) failure = await afterOutage([message], delivery);
    if (failure === null) return;
    const waitMs = delaysMs[tries - 1];
    if (waitMs === undefined) return bury(message, failure.error, tries, delivery);
    await waitOrGiveUp(waitMs, delivery.signal);
  }
}

async function attempt(messages: readonly ReceivedMessage[], { options, signal }: Delivery): Promise<Failure | null> {
  if (signal.aborted) throw new DeliveryGivenUp();
  try {
    await options.handle(messages);
    return null;
  } catch (error) {
    return { error };
  }
}

/** The partition moves on only once its dead letter is durable, however long the log is away. */
async function bury(message: ReceivedMessage, error: unknown, tries: number, delivery: Delivery): Promise<void> {
  const { options, reports, signal } = delivery;
  const letter = deadLetter(message, error, tries, options.group);
  const { topic, partition, offset } = message;
  reports.error(
    { err: error, group: options.group, topic, partition, offset, tries },
    'an event could not be handled and goes to the dead letters',
  );
  for (;;) {
    try {
      return await delivery.publishDead([letter]);
    } catch (publishError) {
      reports.warn({ err: publishError, group: options.group, topic: letter.topic }, 'a dead letter waits for the event log');
    }
    await waitOrGiveUp((options.retry ?? DEFAULT_RETRY).outageDelayMs, signal);
  }
}

function deadLetter(message: ReceivedMessage, error: unknown, tries: number, group: string): LogMessage {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    topic: deadTopicOf(message.topic),
    key: message.key,
    value: message.value,
    headers: {
      ...message.headers,
      'dead-error': text.slice(0, DEAD_ERROR_CHARACTERS_MAX),
      'dead-group': group,
      'dead-topic': message.topic,
      'dead-partition': String(message.partition),
      'dead-offset': message.offset,
      'dead-tries': String(tries),
    },
  };
}

async function waitOrGiveUp(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, signal);
  if (signal.aborted) throw new DeliveryGivenUp();
}
