import { openPool, texts } from '../../postgres';
import type { EventLog, LogMessage, SubscribeOptions, Subscription } from '../event-log';
import { partsOf, refuseTooLarge, VALUE_BYTES_MAX } from '../message-size';
import { noReports, type Reports } from '../reports';
import { EmbeddedSubscription } from './embedded-subscription';
import { PUBLISH } from './statements';

export interface EmbeddedLogOptions {
  /** The log database, as its app role. */
  readonly url: string;
  /** Seen in pg_stat_activity. */
  readonly instance: string;
  readonly reports?: Reports;
}

/** Publishing, and the questions of `caughtUp` and `lag`. Consumers have a connection of their own each. */
const CONNECTIONS_MAX = 3;

/** Bytes in one statement. Far above any usual batch; it keeps a batch of the largest events from filling the memory twice. */
const STATEMENT_BYTES_MAX = 16_000_000;

/** The event log on one Postgres table: for `npm start`, tests and one small machine. Not for scale: all publishers share one lock. */
export async function embeddedLog(options: EmbeddedLogOptions): Promise<EventLog> {
  return new EmbeddedLog(options);
}

class EmbeddedLog implements EventLog {
  readonly valueBytesMax = VALUE_BYTES_MAX;
  readonly publishEveryMs = 5;
  private readonly pool;
  private readonly subscriptions: Subscription[] = [];

  constructor(private readonly options: EmbeddedLogOptions) {
    this.pool = openPool(options.url, { max: CONNECTIONS_MAX, applicationName: `${options.instance} log` });
  }

  /** Topics are values in a column: there is nothing to make. */
  async ensureTopics(): Promise<void> {}

  async publish(messages: readonly LogMessage[]): Promise<void> {
    refuseTooLarge(messages);
    await this.send(messages);
  }

  async subscribe(subscription: SubscribeOptions): Promise<Subscription> {
    const { url, instance, reports = noReports } = this.options;
    const publishDead = (letters: readonly LogMessage[]) => this.send(letters);
    const member = new EmbeddedSubscription(
      { url, applicationName: `${instance} ${subscription.group}`, subscription, reports, publishDead },
      this.pool,
    );
    this.subscriptions.push(member);
    return member;
  }

  async close(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.stop()));
    await this.pool.end();
  }

  private async send(messages: readonly LogMessage[]): Promise<void> {
    for (const part of partsOf(messages, STATEMENT_BYTES_MAX)) {
      const column = (of: (message: LogMessage) => string) => texts(part.map(of));
      await this.pool.query({
        values: [
          column(({ topic }) => topic),
          column(({ key }) => key),
          column(({ value }) => value),
          column(({ headers }) => JSON.stringify(headers)),
        ],
        ...PUBLISH,
      });
    }
  }
}
