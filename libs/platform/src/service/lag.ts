import { setTimeout as delay } from 'node:timers/promises';
import type { BatchTransport } from '../reactions';

/** How far this service's reactions are behind the event log. */
export class Lag {
  constructor(private readonly transport: BatchTransport) {}

  now(): Promise<number> {
    return this.transport.topics.length === 0 ? Promise.resolve(0) : this.transport.subscription.lag();
  }

  /** True once this service's reactions, on whatever instance, have handled all that is in the event log now; false past the bound. */
  caughtUp(withinMs: number): Promise<boolean> {
    const late = delay(withinMs, false, { ref: false });
    return Promise.race([this.transport.subscription.caughtUp().then(() => true), late]);
  }
}
