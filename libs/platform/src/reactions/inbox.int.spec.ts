import type { Pool } from 'pg';
import { newId } from '../ids';
import { openPool } from '../postgres';
import { TenantDatabase } from '../tenancy';
import { testDatabase } from '../testing';
import { Inbox, type Told } from './inbox';

describe('the inbox', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let pool: Pool;
  let inbox: Inbox;

  beforeAll(async () => {
    database = await testDatabase('platform');
    pool = openPool(database.appUrl, { max: 8, applicationName: 'spec' });
    inbox = new Inbox(new TenantDatabase(pool));
  });

  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const told = (organization = 'org_a'): Told => ({
    id: newId('evt'),
    timestamp: '2026-11-23T10:00:00.000Z',
    organization_id: organization,
    livemode: true,
    actor: { type: 'api_key', id: 'key_1' },
    request: { id: 'req_1', idempotency_key: 'k' },
  });

  const noteInserted =
    (id: string) => (tx: { query: (sql: string, values: unknown[]) => Promise<unknown>; tenant: { organizationId: string } }) =>
      tx.query("insert into notes (id, organization_id, livemode, version, state) values ($1, $2, true, 1, '{}')", [
        id,
        tx.tenant.organizationId,
      ]);

  it('makes the effect happen once for an event that comes again and again, also at the same time', async () => {
    const event = told();
    let effects = 0;
    await Promise.all(Array.from({ length: 8 }, () => inbox.once('count', event, () => Promise.resolve(void effects++))));
    await inbox.once('count', event, () => Promise.resolve(void effects++));
    expect(effects).toBe(1);
  });

  it('lets every consumer have its own effect', async () => {
    const event = told();
    const seen: string[] = [];
    await inbox.once('one', event, () => Promise.resolve(void seen.push('one')));
    await inbox.once('two', event, () => Promise.resolve(void seen.push('two')));
    expect(seen).toEqual(['one', 'two']);
  });

  // The inbox row and the effect commit together or not at all.
  it('forgets the event when its effect fails, and leaves nothing half-done', async () => {
    const event = told();
    const id = newId('note');
    await expect(
      inbox.once('fail', event, async (tx) => {
        await noteInserted(id)(tx);
        throw new Error('the effect failed');
      }),
    ).rejects.toThrow('the effect failed');
    await inbox.once('fail', event, async (tx) => void (await noteInserted(id)(tx)));
    const rows = await new TenantDatabase(pool).query({ organizationId: 'org_a', livemode: true }, 'select id from notes where id = $1', [
      id,
    ]);
    expect(rows).toEqual([{ id }]);
  });

  it('takes a batch of several tenants in one transaction, each seeing its own rows only', async () => {
    const events = [told('org_b'), told('org_a'), told('org_b')];
    const seen: [string, number, number][] = [];
    await inbox.batch('many', [...events, events[0]!], async (tx, fresh) => {
      await noteInserted(newId('note'))(tx);
      const { rows } = await tx.query<{ count: string }>('select count(*) from notes where organization_id <> $1', [
        tx.tenant.organizationId,
      ]);
      seen.push([tx.tenant.organizationId, fresh.length, Number(rows[0]!.count)]);
    });
    expect(seen).toEqual([
      ['org_a', 1, 0],
      ['org_b', 2, 0],
    ]);
  });

  it('hands the cause on: the event, and the actor and the request that started it', async () => {
    const event = told();
    await inbox.once('cause', event, (_tx, cause) => {
      expect(cause).toMatchObject({
        causedBy: event.id,
        requestId: 'req_1',
        idempotencyKey: 'k',
        caller: { organizationId: 'org_a', actor: { id: 'key_1' } },
      });
      return Promise.resolve();
    });
  });
});
