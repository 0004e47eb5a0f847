import type { BatchTransport } from '../reactions';

/** How far this service's reactions are behind the event log. */
export class Lag {
  constructor(private readonly transport: BatchTransport) {}

  now(): Promise<number> {
    return this.transport.topics.length === 0 ? Promise.resolve(0) : this.transport.subscription.lag();
  }
}
