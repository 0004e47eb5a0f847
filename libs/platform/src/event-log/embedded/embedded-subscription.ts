import { EventEmitter, once } from 'node:events';
import type { Pool, QueryResult } from 'pg';
import type { Subscription } from '../event-log';
import { patiently, pause, reconnectDelayMs } from '../pause';
import { GroupSession, type GroupSessionOptions } from './group-session';
import { COUNT_UNHANDLED, IS_BEHIND } from './statements';

/** How often another instance's progress is looked at; our own is heard of at once. */
const CHECK_MS = 10;

/** A consumer group's member that joins again, for ever, whenever its connection is lost. */
export class EmbeddedSubscription implements Subscription {
  private readonly signals = new EventEmitter();
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private session: GroupSession | null = null;

  constructor(
    private readonly options: Omit<GroupSessionOptions, 'progressed'>,
    private readonly pool: Pool,
  ) {
    this.signals.setMaxListeners(0);
    this.running = this.keepJoined();
  }

  async caughtUp(): Promise<void> {
    let end: string | null = null;
    for (;;) {
      const { rows } = await patiently(() => this.isBehind(end), this.stopping.signal);
      if (!rows[0]!.behind) return;
      end = rows[0]!.end;
      await once(this.signals, 'progress', { signal: AbortSignal.timeout(CHECK_MS) }).catch(() => undefined);
    }
  }

  async lag(): Promise<number> {
    const { group, topics } = this.options.subscription;
    const { rows } = await this.pool.query<{ lag: number }>({ ...COUNT_UNHANDLED, values: [group, topics] });
    return rows[0]!.lag;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.session?.leave();
    await this.running;
  }

  private isBehind(end: string | null): Promise<QueryResult<{ end: string; behind: boolean }>> {
    const { group, topics } = this.options.subscription;
    return this.pool.query({ ...IS_BEHIND, values: [group, topics, end] });
  }

  private async keepJoined(): Promise<void> {
    const { reports, subscription } = this.options;
    for (let failures = 0; !this.stopping.signal.aborted;) {
      this.session = new GroupSession({ ...this.options, progressed: () => this.signals.emit('progress') });
      try {
        await this.session.run(() => {
          if (failures > 0) reports.info({ group: subscription.group }, 'the consumer is back in its group');
          failures = 0;
        });
      } catch (error) {
        if (++failures === 1) reports.warn({ err: error, group: subscription.group }, 'the consumer lost the event log; it keeps trying');
        await pause(reconnectDelayMs(failures), this.stopping.signal);
      }
    }
  }
}
