import { publicEvent, type OperationalEventType, type PublicEvent } from '@works/contracts/events';
import type { AttemptFailure } from '@works/contracts/webhooks';
import { newId } from '@works/platform/ids';
import { presentDelivery, type DeliveryRow } from '../read-models/delivery-row';
import { presentEndpoint, type EndpointRow } from '../read-models/endpoint-row';
import { newEventOf } from './new-event';
import type { NewEvent } from './statements';

interface Tenant {
  readonly organization_id: string;
  readonly livemode: boolean;
}

/** The delivery as GET /dead_letters answers it. */
export const deadLettered = (row: DeliveryRow & Tenant & { last_error: AttemptFailure }): NewEvent =>
  operationalEvent('delivery.dead_lettered', row, row.updated_at, {
    delivery: { ...presentDelivery(row), last_error: row.last_error },
    previous: { status: 'pending' },
  });

/** The endpoint as GET answers it. */
export const endpointDisabled = (row: EndpointRow & Tenant): NewEvent =>
  operationalEvent('webhook_endpoint.disabled', row, row.updated_at, {
    webhook_endpoint: presentEndpoint(row),
    previous: { status: 'enabled', disabled_reason: null },
  });

/** Nobody asked for it: the cause is the service itself. */
function operationalEvent(
  type: OperationalEventType,
  { id, organization_id: organizationId, livemode }: Tenant & { id: string },
  occurredAt: Date,
  data: Record<string, unknown>,
): NewEvent {
  const caller = { organizationId, livemode, actor: { type: 'system', id: 'webhooks' } } as const;
  const fact = { id: newId('evt'), streamId: id, occurredAt, cause: { caller, requestId: null, idempotencyKey: null } };
  return newEventOf(JSON.parse(publicEvent(fact, { type, projectId: null, data }).body) as PublicEvent);
}
