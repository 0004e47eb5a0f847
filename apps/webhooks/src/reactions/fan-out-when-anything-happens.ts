import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { DOMAIN_EVENT_TYPES, type PublicEvent } from '@works/contracts/events';
import type { TestClockEventData } from '@works/contracts/test-clock';
import { Batcher } from '@works/platform/batching';
import { DeliveryEngine } from '../delivery/delivery-engine';
import { Hastening } from '../delivery/hastening';
import { newEventOf } from '../delivery/new-event';

/** Events in one transaction; more would keep the endpoint's first webhook waiting for the last. */
const BATCH_MAX = 500;

/**
 * Numbers every event, keeps its bytes, and makes its deliveries. Partitions call this at the same time; while one transaction runs the others
 * gather, and the next takes them all: one commit for many, and no two that would wait for the same counter.
 */
@Controller()
export class FanOutWhenAnythingHappens {
  private readonly batches = new Batcher<readonly PublicEvent[], null>({
    batchesMax: 1,
    weightMax: BATCH_MAX,
    weightOf: (events) => events.length,
    run: async (groups) => {
      await this.engine.fanOut(groups.flatMap((events) => events.map(newEventOf)));
      return groups.map(() => null);
    },
  });

  constructor(
    private readonly engine: DeliveryEngine,
    private readonly hastening: Hastening,
  ) {}

  @EventPattern([...DOMAIN_EVENT_TYPES], { batch: true })
  async fanOut(@Payload() events: PublicEvent[]): Promise<void> {
    await this.batches.add(events);
    for (const event of events)
      if (event.type === 'test_clock.advanced') await this.hastening.retries(event as unknown as PublicEvent<TestClockEventData>);
  }
}
