import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Subscription } from '../event-log';
import { patiently, pause, reconnectDelayMs } from '../pause';
import { GroupMember, type GroupMemberOptions } from './group-member';
import type { GroupOffsets } from './group-offsets';

/** How long leaving the group may take. With the brokers away it would wait for them; the group then finds out by itself. */
const GOODBYE_MS = 3_000;

/** How often another instance's progress is looked at; our own is heard of at once. */
const CHECK_MS = 25;

export interface KafkaSubscriptionOptions extends Omit<GroupMemberOptions, 'progressed'> {
  readonly offsets: GroupOffsets;
}

/** A place in a consumer group. A member that crashes is replaced by a new one, for ever. */
export class KafkaSubscription implements Subscription {
  private readonly signals = new EventEmitter();
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private member: GroupMember | null = null;

  constructor(private readonly options: KafkaSubscriptionOptions) {
    this.signals.setMaxListeners(0);
    this.running = this.keepJoined();
  }

  async caughtUp(): Promise<void> {
    const { offsets } = this.options;
    const { signal } = this.stopping;
    const ends = await patiently(() => offsets.extents(), signal);
    while (offsets.unhandled(ends) > 0) {
      await once(this.signals, 'progress', { signal: AbortSignal.timeout(CHECK_MS) }).catch(() =>
        patiently(() => offsets.refresh(), signal),
      );
    }
  }

  async lag(): Promise<number> {
    const { offsets } = this.options;
    const [ends] = await Promise.all([offsets.extents(), offsets.refresh()]);
    return offsets.unhandled(ends);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.member?.leave();
    await Promise.race([this.running, delay(GOODBYE_MS, undefined, { ref: false })]);
  }

  private async keepJoined(): Promise<void> {
    const { offsets, reports, subscription } = this.options;
    const progressed = (topic: string, partition: number, next: bigint): void => {
      offsets.noteNext(topic, partition, next);
      this.signals.emit('progress');
    };
    for (let failures = 0; !this.stopping.signal.aborted;) {
      this.member = new GroupMember({ ...this.options, progressed });
      try {
        await this.member.run(() => {
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
