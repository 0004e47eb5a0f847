import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Tenant } from '../caller';
import type { Relay } from './relay';

/** How often a process that is not the leader looks at the outbox. */
const CHECK_MS = 10;

/** True once every fact of the tenant that stands at or before the position is in the event log; false past the bound. Any instance can tell. */
export async function publishedThrough(pool: Pool, relay: Relay, tenant: Tenant, position: bigint, waitMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + waitMs;
  while (!(await isPublished(pool, tenant, position))) {
    if (performance.now() >= giveUpAt) return false;
    await (relay.isLeader ? relay.progress(CHECK_MS) : delay(CHECK_MS));
  }
  return true;
}

async function isPublished(pool: Pool, { organizationId, livemode }: Tenant, position: bigint): Promise<boolean> {
  const { rows } = await pool.query<{ published: boolean }>({
    name: 'works_published_through',
    // Not `exists`: that would drop the order, and with it the index, and read the whole table where statistics are old.
    text: `select (select true from outbox o where o.organization_id = $1 and o.livemode = $2 and o.position <= $3::bigint
                    order by o.organization_id, o.livemode, o.position limit 1) is null as published`,
    values: [organizationId, livemode, position.toString()],
  });
  return rows[0]!.published;
}
