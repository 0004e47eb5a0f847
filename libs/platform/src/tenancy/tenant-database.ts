import type { Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import type { Tenant } from '../caller';
import { giveBack, inOneTransaction } from '../postgres';

/** A transaction in which the tenant is set: row-level security lets it see and write that tenant's rows and no others. */
export interface TenantTransaction {
  readonly tenant: Tenant;
  query<Row extends QueryResultRow>(query: string | QueryConfig, values?: readonly unknown[]): Promise<QueryResult<Row>>;
  /** Called once the transaction has committed; never when it rolled back. */
  afterCommit(work: () => void): void;
}

const SET_TENANT = {
  name: 'works_set_tenant',
  text: "select set_config('works.organization_id', $1, true), set_config('works.livemode', $2, true)",
};

/** A service's database as its role sees it: nothing without a tenant. */
export class TenantDatabase {
  constructor(private readonly pool: Pool) {}

  /**
   * One read. `begin`, the tenant, the query and `commit` leave in one packet on a pool that pipelines.
   * The query is prepared once per connection under `name` when it has one.
   */
  async query<Row extends QueryResultRow>(tenant: Tenant, query: string | QueryConfig, values: readonly unknown[] = []): Promise<Row[]> {
    const read = typeof query === 'string' ? { text: query, values: [...values] } : query;
    const setTenant = { values: settingsOf(tenant), ...SET_TENANT };
    const [, result] = await inOneTransaction<Row>(this.pool, [setTenant, read], 'begin read only');
    return result!.rows;
  }

  async transaction<T>(tenant: Tenant, work: (tx: TenantTransaction) => Promise<T>): Promise<T> {
    return this.steps(async (inTenant) => inTenant(tenant, work));
  }

  /**
   * One transaction that serves several tenants one after the other, for background work that commits once.
   * Each step sees its own tenant's rows only.
   */
  async steps<T>(
    work: (inTenant: <U>(tenant: Tenant, step: (tx: TenantTransaction) => Promise<U>) => Promise<U>) => Promise<T>,
  ): Promise<T> {
    const client = await this.pool.connect();
    const committed: (() => void)[] = [];
    try {
      void client.query('begin').catch(() => undefined); // a failed begin fails the next statement as well
      const result = await work(async (tenant, step) => {
        await client.query({ values: settingsOf(tenant), ...SET_TENANT });
        return step(transactionOn(client, tenant, committed));
      });
      await client.query('commit');
      client.release();
      for (const callback of committed) callback();
      return result;
    } catch (error) {
      await giveBack(client);
      throw error;
    }
  }
}

const settingsOf = ({ organizationId, livemode }: Tenant) => [organizationId, String(livemode)];

const transactionOn = (client: PoolClient, tenant: Tenant, committed: (() => void)[]): TenantTransaction => ({
  tenant,
  query: (query, values) => (typeof query === 'string' ? client.query(query, values && [...values]) : client.query(query)),
  afterCommit: (work) => void committed.push(work),
});
