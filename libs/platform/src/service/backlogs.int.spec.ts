import fc from 'fast-check';
import type { Pool } from 'pg';
import { openPool } from '../postgres';
import { testDatabase, type TestDatabase } from '../testing';
import { Backlogs, COUNTED_MAX, type Backlog } from './backlogs';

interface Unpublished {
  readonly organization: string;
  readonly livemode: boolean;
  readonly facts: number;
}

describe('the backlogs of a service', () => {
  let database: TestDatabase;
  let owner: Pool;
  let workers: Pool;

  beforeAll(async () => {
    database = await testDatabase('platform');
    owner = openPool(database.superuserUrl, { max: 1, applicationName: 'spec' });
    workers = openPool(database.workerUrl, { max: 2, applicationName: 'spec' });
  });
  afterAll(async () => {
    await Promise.all([owner.end(), workers.end()]);
    await database.drop();
  });
  beforeEach(() => owner.query('truncate outbox'));

  const write = (all: readonly Unpublished[]) =>
    owner.query(
      `insert into outbox (position, organization_id, livemode)
       select row_number() over () + coalesce((select max(o.position) from outbox o), 0), w.organization, w.livemode
         from jsonb_to_recordset($1::jsonb) as w(organization text, livemode boolean, facts integer), generate_series(1, w.facts)`,
      [JSON.stringify(all)],
    );
  const sorted = (backlogs: readonly Backlog[]) =>
    backlogs.map(({ organization_id, livemode, facts }) => `${organization_id} ${livemode} ${facts}`).sort();

  // Guarantees that the gateway is told of every tenant beyond the bound and of no other.
  it('are those of the tenants with more facts than asked about, in each mode', async () => {
    const tenants = fc.uniqueArray(
      fc.record({ organization: fc.constantFrom('org_A', 'org_a', 'org_B', 'org_b1', 'org_b'), livemode: fc.boolean(), facts: fc.nat(30) }),
      { selector: ({ organization, livemode }) => `${organization} ${livemode}` },
    );
    await fc.assert(
      fc.asyncProperty(tenants, fc.nat(30), async (all, over) => {
        await owner.query('truncate outbox');
        await write(all);
        const expected = all
          .filter(({ facts }) => facts > over)
          .map(({ organization, livemode, facts }) => ({ organization_id: organization, livemode, facts }));
        expect(sorted(await new Backlogs(workers).over(over))).toEqual(sorted(expected));
      }),
      { numRuns: 60 },
    );
  });

  it('are counted as far as it matters', async () => {
    await write([{ organization: 'org_a', livemode: true, facts: COUNTED_MAX + 5 }]);
    expect(await new Backlogs(workers).over(1_000)).toEqual([{ organization_id: 'org_a', livemode: true, facts: COUNTED_MAX }]);
  });

  // Guarantees that a look ends soon whatever the outbox holds, and that nobody is left out for it: a few looks see all of it, each time anew.
  it('of more tenants and facts than one look can count are found by those that follow', async () => {
    const few = Array.from({ length: 1_500 }, (_, index) => ({ organization: `org_${index + 1_000}`, livemode: true, facts: 2 }));
    const many = ['org_0', 'org_1', 'org_15', 'org_24999', 'org_3', 'org_4', 'org_5'];
    await write([...few, ...many.map((organization) => ({ organization, livemode: false, facts: COUNTED_MAX }))]);
    const backlogs = new Backlogs(workers);
    const rounds: number[] = [];
    for (let look = 0; look < 3; look++) rounds.push((await backlogs.over(1_000)).length);
    expect(rounds[0]).toBeLessThan(many.length);
    expect((await backlogs.over(1_000)).map(({ organization_id }) => organization_id).sort()).toEqual(many);
    await owner.query(`delete from outbox where organization_id in ('org_0', 'org_5')`);
    for (let look = 0; look < 3; look++) await backlogs.over(1_000);
    expect((await backlogs.over(1_000)).map(({ organization_id }) => organization_id).sort()).toEqual(many.slice(1, -1));
  });

  it('that are asked about together are looked at once', async () => {
    const backlogs = new Backlogs(workers);
    expect(backlogs.over(10)).toBe(backlogs.over(10));
    await backlogs.over(10);
  });
});
