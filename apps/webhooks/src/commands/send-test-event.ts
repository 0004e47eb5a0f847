import { Body, Controller, Post } from '@nestjs/common';
import type { Event } from '@works/contracts/webhooks';
import { SendTestEventBody, SentTestEvent } from '@works/contracts/webhooks';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, Operation, RequireScope } from '@works/platform/http';
import { TenantDatabase } from '@works/platform/tenancy';
import { DeliveryEngine } from '../delivery/delivery-engine';
import { insertTestDeliveries, insertTestEvent, testDeliveryOf, testEventOf, type TestEvent } from '../delivery/test-events';
import { presentDelivery } from '../read-models/delivery-row';

@Controller()
export class SendTestEvent {
  constructor(
    private readonly store: EventStore,
    private readonly database: TenantDatabase,
    private readonly engine: DeliveryEngine,
  ) {}

  @Post('/test_events')
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Send a test event to every endpoint that wants it',
    description:
      'In test mode only. A believable event of the type goes, signed like any other, to each enabled endpoint that asks for the type and whose `projects` and `filter` it fits. It happened to nothing: its `position` is null, its `webhook-sequence` is 0, and no list of events shows it.',
    tag: 'Webhooks',
    body: SendTestEventBody,
    answers: { 201: SentTestEvent },
    refuses: ['test_mode_only'],
  })
  async send(@Body() body: SendTestEventBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const answer = await this.store.create(request, () => this.decide(body, request));
    this.engine.wake();
    return answer;
  }

  private async decide({ type }: SendTestEventBody, request: CommandRequest): Promise<Decision> {
    if (request.caller.livemode) throw new RuleViolation('test_mode_only', 'Use a key of test mode; its endpoints are its own.');
    const event = testEventOf(type, request);
    const deliveries = (await this.wanting(event, request)).map((id) => testDeliveryOf(event, id));
    const sent: SentTestEvent = {
      object: 'test_event',
      event: JSON.parse(event.body) as Event,
      deliveries: deliveries.map(presentDelivery),
    };
    return {
      changes: [],
      statements: [insertTestEvent(event, request), insertTestDeliveries(event, deliveries, request)],
      answer: { status: 201, body: sent, version: 1, location: `/events/${event.id}` },
    };
  }

  /** By the same words as works_fan_out. */
  private async wanting({ type, projectId, body }: TestEvent, { caller }: CommandRequest): Promise<string[]> {
    const endpoints = await this.database.query<{ id: string }>(
      caller,
      `select e.id from webhook_endpoints e
        where e.deleted_at is null and e.status = 'enabled' and (cardinality(e.events) = 0 or e.events && $1)
          and works_endpoint_wants(e.projects, e.filter, $2, $3)
        order by e.id`,
      [[type, `${type.split('.')[0]!}.*`, '*'], projectId, body],
    );
    return endpoints.map(({ id }) => id);
  }
}
