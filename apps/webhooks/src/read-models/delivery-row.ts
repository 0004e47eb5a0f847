import type { Delivery } from '@works/contracts/webhooks';

export interface DeliveryRow extends Pick<
  Delivery,
  'id' | 'endpoint_id' | 'event_id' | 'event_type' | 'status' | 'attempts_made' | 'passed' | 'replay_of' | 'replayed_as'
> {
  sequence: string;
  next_attempt_at: Date | null;
  delivered_at: Date | null;
  replays: number;
  created_at: Date;
  updated_at: Date;
}

export const DELIVERY_COLUMNS =
  'd.id, d.endpoint_id, d.event_id, d.event_type, d.sequence::text, d.status, d.attempts_made, d.next_attempt_at, d.delivered_at, d.passed, d.replay_of, d.replayed_as, d.replays, d.created_at, d.updated_at';

export const presentDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  object: 'delivery',
  endpoint_id: row.endpoint_id,
  event_id: row.event_id,
  event_type: row.event_type,
  sequence: Number(row.sequence),
  status: row.status,
  attempts_made: row.attempts_made,
  next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
  delivered_at: row.delivered_at?.toISOString() ?? null,
  passed: row.passed,
  replay_of: row.replay_of,
  replayed_as: row.replayed_as,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  // Attempts change a delivery, and replays, and the end of its endpoint.
  version: 1 + row.attempts_made + row.replays + (row.status === 'cancelled' ? 1 : 0),
});
