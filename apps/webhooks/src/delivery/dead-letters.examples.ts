import type { Pool } from 'pg';

/** As if everything that waits for the endpoint had been attempted eight times, and had failed at this stage each time. */
export async function killPending(owner: Pool, endpointId: string, stage = 'status'): Promise<void> {
  await owner.query(
    `with dead as (
       update deliveries set status = 'dead', week = works_week(now()), attempts_made = 8, next_attempt_at = null, lease_token = null, updated_at = now()
        where endpoint_id = $1 and status = 'pending' returning *
     )
     insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, status_code, error, duration_ms, timings)
       select 'att_' || substr(d.id, 5), d.organization_id, d.livemode, d.id, d.endpoint_id, 8, now(), 500,
              jsonb_build_object('stage', $2::text, 'code', '500', 'detail', 'answered 500'), 1, '{}' from dead d`,
    [endpointId, stage],
  );
}
