import { Body, Controller, Post } from '@nestjs/common';
import { EVENT_TYPES, publicEvent, type EventType } from '@works/contracts/events';
import { Delivery, TestWebhookEndpointBody } from '@works/contracts/webhooks';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, type CommandRequest, type Decision, type RecordedAnswer, type Statement } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { DeliveryEngine } from '../delivery/delivery-engine';
import { sampleOf } from '../delivery/sample-events';
import { presentDelivery, type DeliveryRow } from '../read-models/delivery-row';

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
    const type = body.event_type ?? firstOf(endpoint.events);
    const delivery = deliveryOf(id, type);
    return {
      changes: [],
      statements: [insertEvent(delivery, request), insertDelivery(delivery, request)],
      answer: { status: 201, body: presentDelivery(delivery), version: 1, location: `/deliveries/${delivery.id}` },
    };
  }
}

/** The first type that the endpoint asks for. */
const firstOf = (patterns: readonly string[]): EventType =>
  EVENT_TYPES.find(
    (type) => patterns.length === 0 || patterns.some((pattern) => [type, `${type.split('.')[0]!}.*`, '*'].includes(pattern)),
  )!;

/** The queue runs by the wall clock, whatever a test clock says. */
function deliveryOf(endpointId: string, type: EventType): DeliveryRow {
  const now = new Date();
  return {
    id: newId('dlv'),
    endpoint_id: endpointId,
    event_id: newId('evt'),
    event_type: type,
    sequence: '0',
    status: 'pending',
    attempts_made: 0,
    next_attempt_at: now,
    delivered_at: null,
    passed: null,
    replay_of: null,
    replayed_as: null,
    replays: 0,
    created_at: now,
    updated_at: now,
  };
}

function insertEvent({ event_id, event_type, created_at }: DeliveryRow, cause: CommandRequest): Statement {
  const { subject, projectId, data } = sampleOf(event_type as EventType, cause.caller, created_at);
  const fact = { id: event_id, streamId: subject, occurredAt: created_at, cause };
  const { body } = publicEvent(fact, { type: event_type as EventType, projectId, data });
  return {
    text: `insert into event_log (organization_id, livemode, position, id, type, subject, project_id, occurred_at, body)
           values ($1, $2, nextval('test_event_positions'), $3, $4, $5, $6, $7, $8)`,
    values: [cause.caller.organizationId, cause.caller.livemode, event_id, event_type, subject, projectId, created_at, body],
  };
}

const insertDelivery = ({ id, endpoint_id, event_id, event_type, created_at }: DeliveryRow, { caller }: CommandRequest): Statement => ({
  text: `insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at, created_at, updated_at)
         select $1, $2, $3, $4, $5, $6, l.position, 0, $7, $7, $7, $7 from event_log l where l.id = $5`,
  values: [id, caller.organizationId, caller.livemode, endpoint_id, event_id, event_type, created_at],
});
