import type { PublicEvent } from '@works/contracts/events';
import type { TestClockEventData } from '@works/contracts/test-clock';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';

export const DAY_MS = 86_400_000;

/** The news that the caller's test clock is so many days ahead. */
export const moved = (caller: Caller, days: number, version: number): PublicEvent<TestClockEventData> => {
  const now = new Date(Date.now() + days * DAY_MS).toISOString();
  const id = caller.organizationId.replace('org_', 'clk_');
  return {
    id: newId('evt'),
    object: 'event',
    type: 'test_clock.advanced',
    timestamp: now,
    organization_id: caller.organizationId,
    livemode: false,
    position: null,
    subject: id,
    project_id: null,
    previous_event: null,
    caused_by: null,
    actor: caller.actor,
    request: { id: null, idempotency_key: null },
    data: {
      test_clock: { id, object: 'test_clock', now, offset_ms: days * DAY_MS, created_at: now, updated_at: now, version },
      previous: { now: new Date().toISOString(), offset_ms: 0 },
    },
  };
};
