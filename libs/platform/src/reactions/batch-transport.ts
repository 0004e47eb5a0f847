import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { LRUCache } from 'lru-cache';
import type { EventLog, LogMessage, Subscription } from '../event-log';
import { mayDieAt } from '../fault-points';
import { cameWith } from './arrivals';

export interface BatchTransportOptions {
  readonly log: EventLog;
  /** The consumer group: one per service, so that its instances share the work. */
  readonly group: string;
  isOutage(error: unknown): boolean;
  /** Called after messages of the event log were handled. */
  handled?(): void;
}

/** Messages that this process is known to have handled: what is fetched besides the log need not be taken once more. */
const LATELY_MAX = 20_000;

/** What is fetched besides the log is handled in transactions of at most so many messages: requests wait for it. */
const FETCHED_MAX = 50;

/** How many messages one call of a batch handler takes; with the commit it costs, larger would only add delay. */
const BATCH_MAX = 500;

/**
 * A Nest transport on the event log: reactions are ordinary `@EventPattern('task.completed')` handlers, and what they throw
 * reaches the log, which retries. (Nest's own Kafka server commits the offset of a message whose handler failed.)
 * With `{ batch: true }` as the pattern's extras a handler takes all consecutive events that are its own as one array. With `{ keyPrefix }` on all
 * handlers of a service it is given only messages whose keys begin with one of them: of projects, say, and not of what stands alone.
 */
export class BatchTransport extends Server implements CustomTransportStrategy {
  override transportId = Symbol('event-log');
  override propagatesEventHandlerErrors = true;
  private subscribed: Subscription | null = null;
  /** By topic. Nest looks a pattern up by its normalized text, which for every message would cost more than parsing it. */
  private readonly handlers = new Map<string, MessageHandler>();

  private readonly lately = new LRUCache<string, true>({ max: LATELY_MAX });

  constructor(private readonly options: BatchTransportOptions) {
    super();
  }

  listen(ready: (error?: unknown) => void): void {
    this.start().then(() => ready(), ready);
  }

  get subscription(): Subscription {
    if (this.subscribed === null) throw new Error('The service does not listen to the event log yet');
    return this.subscribed;
  }

  get topics(): string[] {
    return [...this.messageHandlers.keys()];
  }

  /**
   * Handles messages that were fetched from their owner, in order, before the log brings them. What fails while others do not is left to the log, which
   * tries it again and lays it aside; an outage is thrown.
   */
  async handleFetched(messages: readonly LogMessage[]): Promise<void> {
    const unknown = messages.filter(({ headers }) => !this.lately.has(headers['ce_id'] ?? ''));
    for (let from = 0; from < unknown.length; from += FETCHED_MAX) {
      const some = unknown.slice(from, from + FETCHED_MAX);
      await this.deliver(some).catch((error: unknown) => this.oneByOne(some, error));
    }
  }

  /** The database may be another than before: what this process handled need not be there. */
  forget(): void {
    this.lately.clear();
  }

  async close(): Promise<void> {
    await this.subscribed?.stop();
  }

  on(): void {
    // The log reports its own state through logs and metrics; there are no status events to listen to.
  }

  unwrap<T>(): T {
    throw new Error('There is no client under the event log to unwrap');
  }

  private async start(): Promise<void> {
    const { log, group, isOutage } = this.options;
    if (this.topics.length === 0) return;
    await log.ensureTopics(this.topics);
    this.subscribed = await log.subscribe({
      group,
      topics: this.topics,
      batchMax: BATCH_MAX,
      isOutage,
      ...this.keyPrefixes(),
      handle: async (messages) => {
        await this.deliver(messages);
        this.options.handled?.();
      },
    });
  }

  /** What all handlers of the service restrict themselves to need not even be read. */
  private keyPrefixes(): { keyPrefixes?: string[] } {
    const prefixes = [...new Set([...this.messageHandlers.values()].map(({ extras }) => extras?.['keyPrefix'] as string | undefined))];
    return prefixes.includes(undefined) ? {} : { keyPrefixes: prefixes as string[] };
  }

  private async oneByOne(messages: readonly LogMessage[], error: unknown): Promise<void> {
    if (this.options.isOutage(error)) throw error;
    for (const message of messages)
      await this.deliver([message]).catch((each: unknown) => {
        if (this.options.isOutage(each)) throw each;
      });
  }

  private async deliver(messages: readonly LogMessage[]): Promise<void> {
    let index = 0;
    while (index < messages.length) {
      const handler = this.handlerOf(messages[index]!);
      const events: unknown[] = [];
      do events.push(eventOf(messages[index++]!));
      while (isBatch(handler) && index < messages.length && isSameReaction(this.handlerOf(messages[index]!), handler));
      await settle(handler(isBatch(handler) ? events : events[0]));
    }
    for (const { headers } of messages) if (headers['ce_id'] !== undefined) this.lately.set(headers['ce_id'], true);
    mayDieAt('reaction-committed');
  }

  private handlerOf({ topic }: LogMessage): MessageHandler {
    const known = this.handlers.get(topic);
    if (known !== undefined) return known;
    const handler = this.getHandlerByPattern(topic);
    if (handler === null) throw new Error(`No reaction takes ${topic}`);
    this.handlers.set(topic, handler);
    return handler;
  }
}

/**
 * Nest makes a handler for each pattern of a reaction; what they share is its extras. Events of one transaction must not be taken apart by their
 * types: a reaction that counts would see what was ended before it sees what was added with it.
 */
const isSameReaction = (one: MessageHandler, other: MessageHandler): boolean =>
  one === other || (one.extras !== undefined && one.extras === other.extras);

function eventOf({ value, headers }: LogMessage): unknown {
  const event: unknown = JSON.parse(value);
  cameWith(event, headers);
  return event;
}

const isBatch = (handler: MessageHandler): boolean => handler.extras?.['batch'] === true;

async function settle(outcome: Promise<unknown>): Promise<void> {
  const result = await outcome;
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
}
