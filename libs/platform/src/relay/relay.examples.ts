import type { EventLog, LogMessage } from '../event-log';

/** A log that keeps what it gets, and can be away. The adapters have their own suite; here the relay is on trial. */
export class LogOnTheTable implements Pick<EventLog, 'publish' | 'publishEveryMs'> {
  readonly publishEveryMs = 5;
  readonly published: LogMessage[] = [];
  away = false;
  /** Runs when a batch has been taken and before the relay hears of it. */
  taken: (messages: readonly LogMessage[]) => Promise<void> = () => Promise.resolve();

  async publish(messages: readonly LogMessage[]): Promise<void> {
    if (this.away) throw new Error('the log is away');
    this.published.push(...messages);
    await this.taken(messages);
  }

  get ids(): string[] {
    return this.published.map((message) => message.headers['ce_id']!);
  }
}
