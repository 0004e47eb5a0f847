import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EVENT_TYPES, type PublicEvent } from '@works/contracts/events';
import { DeliveryEngine } from '../delivery/delivery-engine';

/** Events in one transaction; more would keep the endpoint's first webhook waiting for the last. */
const BATCH_MAX = 500;

interface Waiting {
  readonly events: readonly PublicEvent[];
  done(): void;
  failed(error: unknown): void;
}

/**
 * Numbers every event, keeps its bytes, and makes its deliveries. Partitions call this at the same time; while one transaction runs the others
 * gather, and the next takes them all: one commit for many, and no two that would wait for the same counter.
 */
@Controller()
export class FanOutWhenAnythingHappens {
  private waiting: Waiting[] = [];
  private running = false;

  constructor(private readonly engine: DeliveryEngine) {}

  @EventPattern([...EVENT_TYPES], { batch: true })
  fanOut(@Payload() events: PublicEvent[]): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ events, done, failed });
      if (!this.running) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      const group = this.nextGroup();
      try {
        await this.engine.fanOut(group.flatMap(({ events }) => events.map(newEventOf)));
        for (const { done } of group) done();
      } catch (error) {
        // Each partition tries again on its own terms; a poisonous event is then alone with its partition.
        for (const { failed } of group) failed(error);
      }
    }
    this.running = false;
  }

  private nextGroup(): Waiting[] {
    let events = 0;
    const end = this.waiting.findIndex((waiting) => (events += waiting.events.length) > BATCH_MAX);
    return this.waiting.splice(0, end === -1 ? this.waiting.length : Math.max(end, 1));
  }
}

const newEventOf = (event: PublicEvent) => ({
  id: event.id,
  organizationId: event.organization_id,
  livemode: event.livemode,
  type: event.type,
  subject: event.subject,
  projectId: event.project_id,
  timestamp: event.timestamp,
  // Parsing and printing keeps the bytes of what JSON.stringify wrote.
  value: JSON.stringify(event),
});
