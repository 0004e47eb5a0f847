import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EVENT_TYPES, type PublicEvent } from '@works/contracts/events';
import type { TestClockEventData } from '@works/contracts/test-clock';
import { Batcher } from '@works/platform/batching';
import { DeliveryEngine } from '../delivery/delivery-engine';
import type { NewEvent } from '../delivery/statements';
import { Hastening } from '../delivery/hastening';

/** Events in one transaction; more would keep the endpoint's first webhook waiting for the last. */
const BATCH_MAX = 500;

const NO_POSITION = '"position":null';

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

  @EventPattern([...EVENT_TYPES], { batch: true })
  async fanOut(@Payload() events: PublicEvent[]): Promise<void> {
    await this.batches.add(events);
    for (const event of events)
      if (event.type === 'test_clock.advanced') await this.hastening.retries(event as unknown as PublicEvent<TestClockEventData>);
  }
}

/** The event as the statement takes it: its body in two halves, between which its position goes. */
export function newEventOf(event: PublicEvent): NewEvent {
  // Parsing and printing keeps the bytes of what JSON.stringify wrote.
  const body = JSON.stringify(event);
  // It stands before anything that a caller could have written, so the first is the one.
  const at = body.indexOf(NO_POSITION) + NO_POSITION.length;
  return {
    id: event.id,
    organizationId: event.organization_id,
    livemode: event.livemode,
    type: event.type,
    subject: event.subject,
    projectId: event.project_id,
    timestamp: event.timestamp,
    before: body.slice(0, at - 'null'.length),
    after: body.slice(at),
  };
}
