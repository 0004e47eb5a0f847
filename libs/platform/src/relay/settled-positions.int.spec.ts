import { Client, type Pool } from 'pg';
import { openPool } from '../postgres';
import { insertFacts, testDatabase } from '../testing';
import { publishedAfter, republish } from './published-facts';
import { openWriters, SettledPositions } from './settled-positions';

describe('what a reader of positions may count on', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let owner: Pool;
  let workers: Pool;
  let settled: SettledPositions;
  let slow: Client;

  beforeEach(async () => {
    database = await testDatabase('platform');
    owner = openPool(database.superuserUrl, { max: 4, applicationName: 'spec' });
    workers = openPool(database.workerUrl, { max: 2, applicationName: 'spec' });
    settled = new SettledPositions(workers);
    slow = new Client({ connectionString: database.superuserUrl });
    await slow.connect();
    await owner.query(`alter sequence events_position_seq restart with ${2n ** 32n - 2n}`);
  });

  afterEach(async () => {
    await slow.end();
    await Promise.all([owner.end(), workers.end()]);
    await database.drop();
  });

  const published = () => owner.query('delete from outbox');
  const read = async () => (await publishedAfter(workers, '0', await settled.through(), 100)).map(({ id }) => id);

  it('waits for whoever has drawn a position and may still commit', async () => {
    await slow.query('begin');
    await insertFacts(slow, [{ id: 'evt_slow' }]);
    await insertFacts(owner, [{ id: 'evt_fast' }]);
    await published();
    expect(await read()).toEqual([]);
    expect(await openWriters(workers)).toMatchObject([{ pid: expect.any(Number) as number }]);
    await slow.query('commit');
    await published();
    expect(await read()).toEqual(['evt_slow', 'evt_fast']);
    expect(await openWriters(workers)).toEqual([]);
  });

  // A sequence that nobody has drawn from names the number that comes next.
  it('counts no position as settled that is still to be drawn', async () => {
    const before = BigInt(await settled.through());
    const [first] = await insertFacts(owner, [{ id: 'evt_1' }]);
    expect(before).toBe(BigInt(first!) - 1n);
    expect(await settled.through()).toBe(first);
  });

  it('waits for nobody who has written no fact, in this database or another', async () => {
    const elsewhere = new Client({ connectionString: process.env['TEST_POSTGRES_URL'] });
    await elsewhere.connect();
    await elsewhere.query('begin; select pg_current_xact_id()');
    await slow.query('begin; select pg_current_xact_id(); select from events');
    await insertFacts(owner, [{ id: 'evt_1' }]);
    await published();
    expect(await read()).toEqual(['evt_1']);
    await elsewhere.query('rollback');
    await elsewhere.end();
  });

  it('reads past a rollback, and up to what is not published', async () => {
    await slow.query('begin');
    await insertFacts(slow, [{ id: 'evt_undone' }]);
    await slow.query('rollback');
    await insertFacts(owner, [{ id: 'evt_1' }]);
    await published();
    const [at] = await insertFacts(owner, [{ id: 'evt_2' }]);
    await insertFacts(owner, [{ id: 'evt_3' }]);
    await owner.query('delete from outbox where position > $1::bigint', [at]);
    expect(await read()).toEqual(['evt_1']);
    await published();
    expect(await read()).toEqual(['evt_1', 'evt_2', 'evt_3']);
  });

  it('has facts published once more, once', async () => {
    const positions = await insertFacts(owner, [{ id: 'evt_1' }, { id: 'evt_private', topic: null }]);
    await published();
    expect(await republish(workers, [...positions, '77'])).toBe(1);
    expect(await republish(workers, positions)).toBe(0);
  });
});
