import { publicEvent, type EventType } from '@works/contracts/events';
import type { CommandRequest, Statement } from '@works/platform/event-store';
import { newId } from '@works/platform/ids';
import type { DeliveryRow } from '../read-models/delivery-row';
import { sampleOf } from './sample-events';

/** An event that happened to nothing: it can be looked up, and stands in no list. */
export interface TestEvent {
  readonly id: string;
  readonly type: EventType;
  readonly subject: string;
  readonly projectId: string | null;
  readonly at: Date;
  readonly body: string;
}

/** The queue runs by the wall clock, whatever a test clock says. */
export function testEventOf(type: EventType, cause: CommandRequest): TestEvent {
  const [id, at] = [newId('evt'), new Date()];
  const { subject, projectId, data } = sampleOf(type, cause.caller, at);
  const { body } = publicEvent({ id, streamId: subject, occurredAt: at, cause }, { type, projectId, data });
  return { id, type, subject, projectId, at, body };
}

export const testDeliveryOf = (event: TestEvent, endpointId: string): DeliveryRow => ({
  id: newId('dlv'),
  endpoint_id: endpointId,
  event_id: event.id,
  event_type: event.type,
  sequence: '0',
  status: 'pending',
  attempts_made: 0,
  next_attempt_at: event.at,
  delivered_at: null,
  passed: null,
  replay_of: null,
  replayed_as: null,
  replays: 0,
  created_at: event.at,
  updated_at: event.at,
});

export const insertTestEvent = ({ id, type, subject, projectId, at, body }: TestEvent, { caller }: CommandRequest): Statement => ({
  text: `insert into event_log (organization_id, livemode, position, id, type, subject, project_id, occurred_at, body)
         values ($1, $2, nextval('test_event_positions'), $3, $4, $5, $6, $7, $8)`,
  values: [caller.organizationId, caller.livemode, id, type, subject, projectId, at, body],
});

/** All deliveries of one event, after it. */
export const insertTestDeliveries = (event: TestEvent, deliveries: readonly DeliveryRow[], { caller }: CommandRequest): Statement => ({
  text: `insert into deliveries_pending (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at, created_at, updated_at)
         select d.id, $3, $4, d.endpoint_id, l.id, l.type, l.position, 0, $6, $6, $6, $6
           from unnest($1::text[], $2::text[]) as d(id, endpoint_id) cross join event_log l where l.id = $5`,
  values: [
    ...[deliveries.map(({ id }) => id), deliveries.map(({ endpoint_id }) => endpoint_id)],
    ...[caller.organizationId, caller.livemode, event.id, event.at],
  ],
});
