import type { Pool, PoolClient } from 'pg';
import { isOperational } from '@works/contracts/events';
import type { AttemptFailure } from '@works/contracts/webhooks';
import { newId } from '@works/platform/ids';
import { giveBack } from '@works/platform/postgres';
import { DELIVERY_COLUMNS, type DeliveryRow } from '../read-models/delivery-row';
import { SELECT_ENDPOINTS, type EndpointRow } from '../read-models/endpoint-row';
import { deadLettered, endpointDisabled } from './operational-events';
import { fanOut } from './fan-out';
import { recordAttempts, type NewEvent, type Recorded, type Result } from './statements';

interface Tenant {
  readonly organization_id: string;
  readonly livemode: boolean;
}

/** Records results of which some are dead letters now. The news of that enters the organization's log, and its deliveries, with the recording or not at all. */
export const recordWithDeaths = (pool: Pool, results: readonly Result[], patienceSeconds: number): Promise<Recorded> =>
  inTransaction(pool, async (client) => {
    const dead = results.filter(({ status }) => status === 'dead');
    // Before the endpoints and deliveries that the recording locks, as everybody does.
    await lockTenants(
      client,
      dead.map(({ leased }) => ({ organization_id: leased.organizationId, livemode: leased.livemode })),
    );
    const recorded = await recordAttempts(client, results, patienceSeconds);
    const { rows } = await client.query<DeliveryRow & Tenant & { last_error: AttemptFailure }>(
      `select ${DELIVERY_COLUMNS}, d.organization_id, d.livemode, last.error as last_error
         from attempts last join deliveries d on d.id = last.delivery_id where last.id = any($1) order by d.sequence`,
      [dead.map(({ attemptId }) => attemptId)],
    );
    await tell(client, rows.filter(({ event_type: type }) => !isOperational(type)).map(deadLettered));
    return { ...recorded, released: true };
  });

/** What happens meanwhile is kept for the day somebody enables it again. False when it was not enabled. */
export const disableEndpoint = (pool: Pool, endpointId: string, reason: string): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    const { rows: tenants } = await client.query<Tenant>('select organization_id, livemode from webhook_endpoints where id = $1', [
      endpointId,
    ]);
    await lockTenants(client, tenants);
    const { rowCount } = await client.query(
      `update webhook_endpoints set status = 'disabled', disabled_reason = $2, version = version + 1, updated_at = now()
        where id = $1 and status = 'enabled' and deleted_at is null`,
      [endpointId, reason],
    );
    if (rowCount === 0) return false;
    const { rows } = await client.query<EndpointRow>(`${SELECT_ENDPOINTS} and e.id = $1`, [endpointId]);
    await tell(client, [endpointDisabled({ ...rows[0]!, ...tenants[0]! })]);
    return true;
  });

const lockTenants = (client: PoolClient, tenants: readonly Tenant[]) =>
  client.query('select works_lock_tenants($1, $2)', [
    tenants.map((tenant) => tenant.organization_id),
    tenants.map(({ livemode }) => livemode),
  ]);

/** What they make waits for a claim: nothing is sent before this has committed. */
const tell = (client: PoolClient, events: readonly NewEvent[]) =>
  fanOut(client, events, { leaseToken: newId('wrk'), leaseSeconds: 0, capacity: 0, organizationMax: 0 });

async function inTransaction<Result>(pool: Pool, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    await giveBack(client);
    throw error;
  }
}
