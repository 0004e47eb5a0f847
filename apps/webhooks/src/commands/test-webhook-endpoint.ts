import { Body, Controller, Post } from '@nestjs/common';
import { EVENT_TYPES, type EventType } from '@works/contracts/events';
import { Delivery, TestWebhookEndpointBody } from '@works/contracts/webhooks';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { DeliveryEngine } from '../delivery/delivery-engine';
import { insertTestDeliveries, insertTestEvent, testDeliveryOf, testEventOf } from '../delivery/test-events';
import { presentDelivery } from '../read-models/delivery-row';

@Controller()
export class TestWebhookEndpoint {
  constructor(
    private readonly store: EventStore,
    private readonly database: TenantDatabase,
    private readonly engine: DeliveryEngine,
  ) {}

  @Post('/webhook_endpoints/:id/test')
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Send a test event to an endpoint',
    description:
      'A believable event, signed and sent like any other, to this endpoint only. It happened to nothing: its `position` is null, its `webhook-sequence` is 0, and no list of events shows it.',
    tag: 'Webhooks',
    body: TestWebhookEndpointBody,
    answers: { 201: Delivery },
    refuses: ['endpoint_disabled'],
  })
  async test(
    @IdParam('id', 'whk') id: string,
    @Body() body: TestWebhookEndpointBody,
    @Command() request: CommandRequest,
  ): Promise<RecordedAnswer> {
    const answer = await this.store.create(request, () => this.decide(id, body, request));
    this.engine.wake();
    return answer;
  }

  private async decide(id: string, body: TestWebhookEndpointBody, request: CommandRequest): Promise<Decision> {
    const [endpoint] = await this.database.query<{ status: string; events: string[] }>(
      request.caller,
      'select status, events from webhook_endpoints where id = $1 and deleted_at is null',
      [id],
    );
    if (endpoint === undefined) throw new Problem('not_found', 'There is no such resource.');
    if (endpoint.status === 'disabled')
      throw new RuleViolation('endpoint_disabled', 'Enable the endpoint first; nothing is sent to it now.');
    const event = testEventOf(body.event_type ?? firstOf(endpoint.events), request);
    const delivery = testDeliveryOf(event, id);
    return {
      changes: [],
      statements: [insertTestEvent(event, request), insertTestDeliveries(event, [delivery], request)],
      answer: { status: 201, body: presentDelivery(delivery), version: 1, location: `/deliveries/${delivery.id}` },
    };
  }
}

/** The first type that the endpoint asks for. */
const firstOf = (patterns: readonly string[]): EventType =>
  EVENT_TYPES.find(
    (type) => patterns.length === 0 || patterns.some((pattern) => [type, `${type.split('.')[0]!}.*`, '*'].includes(pattern)),
  )!;
