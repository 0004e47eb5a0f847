import type { Pool } from 'pg';

/** As if everything that waits for the endpoint had been attempted eight times, and had failed at this stage each time. */
export async function killPending(owner: Pool, endpointId: string, stage = 'status'): Promise<void> {
  await owner.query(`update deliveries_pending set attempts_made = 8 where endpoint_id = $1`, [endpointId]);
  await owner.query(
    `insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, status_code, error, duration_ms, timings)
       select 'att_' || substr(dead.id, 5), e.organization_id, e.livemode, dead.id, e.id, 8, now(), 500,
              jsonb_build_object('stage', $2::text, 'code', '500', 'detail', 'answered 500'), 1, '{}'
         from webhook_endpoints e
         cross join works_end_deliveries(array(select d.id from deliveries_pending d where d.endpoint_id = $1 and d.attempts_made = 8), 'dead', now()) as dead(id)
        where e.id = $1`,
    [endpointId, stage],
  );
}
