import fc from 'fast-check';
import type { Pool } from 'pg';
import { claimed, moved, type Claim, type ClaimRow } from '@works/platform/idempotency';
import { newId } from '@works/platform/ids';
import { openPool } from '@works/platform/postgres';
import { aCaller, testDatabase, type TestDatabase } from '@works/platform/testing';
import { KeyClaimsIn } from './key-claims';

const service = fc.constantFrom('projects', 'tasks');

describe('claims of idempotency keys', () => {
  let database: TestDatabase;
  let pools: Pool[];
  let owner: Pool;
  /** Two gateways, which know nothing of each other. */
  let gateways: KeyClaimsIn[];

  beforeAll(async () => {
    database = await testDatabase('gateway');
    pools = [1, 2].map(() => openPool(database.appUrl, { max: 4, applicationName: 'spec' }));
    owner = openPool(database.superuserUrl, { max: 1, applicationName: 'spec' });
    gateways = pools.map((pool) => new KeyClaimsIn(pool));
  });
  afterAll(async () => {
    await Promise.all([...pools, owner].map((pool) => pool.end()));
    await database.drop();
  });

  const rowOf = async (key: string): Promise<ClaimRow | null> => {
    const { rows } = await owner.query('select service, generation::int, contested from key_claims where key = $1', [key]);
    return rows[0] ?? null;
  };
  const plain = ({ service: of, generation }: Claim): Claim => ({ service: of, generation });

  // Guarantees that the explorer's moves are what the statements do.
  it('do what the protocol says', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('claim' as const), service, gateway: fc.nat(1) }),
      fc.record({
        do: fc.constant('move' as const),
        service,
        gateway: fc.nat(1),
        from: service,
        generation: fc.integer({ min: 1, max: 3 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        const [caller, key] = [aCaller(), newId('idem')];
        let model: ClaimRow | null = null;
        for (const one of steps) {
          const gateway = gateways[one.gateway]!;
          if (one.do === 'claim') {
            model = claimed(model, one.service);
            expect(await gateway.claim(caller, key, one.service)).toEqual(plain(model));
          } else {
            const from = { service: one.from, generation: one.generation };
            const after: ClaimRow | null = moved(model, from, one.service);
            expect(await gateway.move(caller, key, from, one.service)).toEqual(after && plain(after));
            model = after ?? model;
          }
          expect(await rowOf(key)).toEqual(model);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('of one key at one instant, through two gateways and for two services, are answered with one owner', async () => {
    const caller = aCaller();
    for (let round = 0; round < 10; round++) {
      const key = newId('idem');
      const claims = await Promise.all(
        Array.from({ length: 40 }, (_, index) => gateways[index % 2]!.claim(caller, key, index % 3 === 0 ? 'tasks' : 'projects')),
      );
      expect(new Set(claims.map((claim) => claim.service)).size).toBe(1);
    }
  });

  it('of many tenants at once, in any order, are each tenant’s own', async () => {
    const callers = [aCaller(), aCaller(), aCaller()].flatMap((caller) => [caller, { ...caller, livemode: false }]);
    const keys = Array.from({ length: 20 }, () => newId('idem'));
    const all = callers.flatMap((caller, index) => keys.map((key) => ({ caller, key, of: index % 2 === 0 ? 'tasks' : 'projects' })));
    const claims = await Promise.all(
      [all, [...all].reverse()].flatMap((order, gateway) => order.map(({ caller, key, of }) => gateways[gateway]!.claim(caller, key, of))),
    );
    expect(claims).toEqual([...all, ...[...all].reverse()].map(({ of }) => ({ service: of, generation: 1 })));
  });

  // Guarantees that a key is not free while a service may still remember it, and is free afterwards.
  it('outlive what a service remembers, are renewed by each use, and end', async () => {
    const [caller, key] = [aCaller(), newId('idem')];
    await gateways[0]!.claim(caller, key, 'projects');
    const age = (interval: string) =>
      owner.query(`update key_claims set expires_at = expires_at - $2::interval where key = $1`, [key, interval]);
    await age('24 hours 30 minutes');
    expect(await gateways[1]!.claim(caller, key, 'projects')).toEqual({ service: 'projects', generation: 1 });
    await age('24 hours 30 minutes');
    expect((await gateways[1]!.claim(caller, key, 'tasks')).service).toBe('projects');
    await age('25 hours 1 second');
    expect(await gateways[1]!.claim(caller, key, 'tasks')).toEqual({ service: 'tasks', generation: 1 });
  });

  it('that have served their time are swept, all of them and no others', async () => {
    const caller = aCaller();
    const keys = Array.from({ length: 20 }, () => newId('idem'));
    await Promise.all(keys.map((key) => gateways[0]!.claim(caller, key, 'tasks')));
    await owner.query(`update key_claims set expires_at = now() - interval '1 second' where key = any($1)`, [keys.slice(0, 15)]);
    await gateways[0]!.sweep();
    const { rows } = await owner.query('select key from key_claims where organization_id = $1 order by key collate "C"', [
      caller.organizationId,
    ]);
    expect(rows.map(({ key }) => key)).toEqual(keys.slice(15).sort());
  });

  // Guarantees that a statement gone wrong at the public door cannot list anybody's keys, nor free them.
  it('cannot be listed or deleted by the door’s own role', async () => {
    await gateways[0]!.claim(aCaller(), newId('idem'), 'tasks');
    expect((await pools[0]!.query('select * from key_claims')).rows).toEqual([]);
    await expect(pools[0]!.query('delete from key_claims')).rejects.toMatchObject({ code: '42501' });
  });
});
