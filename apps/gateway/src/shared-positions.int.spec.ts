import type { Pool } from 'pg';
import type { Caller } from '@works/platform/caller';
import type { Position } from '@works/platform/caught-up';
import { createLogger } from '@works/platform/logging';
import { openPool } from '@works/platform/postgres';
import { aCaller, eventually, testDatabase, type TestDatabase } from '@works/platform/testing';
import { SeenPositions } from './seen-positions';
import { SharedPositions } from './shared-positions';

const EPOCH = 'e1111111';

describe('gateways that share what keys have seen', () => {
  let database: TestDatabase;
  let owner: Pool;
  /** What the services are at, as they would answer. */
  let at: Record<'tasks' | 'projects', bigint>;
  let away: Set<string>;
  let open: { positions: SeenPositions; shared: SharedPositions }[];

  beforeAll(async () => {
    database = await testDatabase('gateway');
    owner = openPool(database.superuserUrl, { max: 1, applicationName: 'spec' });
  });
  afterAll(async () => {
    await owner.end();
    await database.drop();
  });
  beforeEach(() => {
    [at, away, open] = [{ tasks: 100n, projects: 50n }, new Set(), []];
  });
  afterEach(() => Promise.all(open.map(({ shared }) => shared.stop())));

  async function aGateway() {
    const positions = new SeenPositions();
    const ask = (service: 'tasks' | 'projects') => (): Promise<Position> =>
      away.has(service) ? Promise.reject(new Error('away')) : Promise.resolve({ epoch: EPOCH, at: at[service], claimed: false });
    const services = new Map([
      ['tasks', ask('tasks')],
      ['projects', ask('projects')],
    ]);
    const shared = new SharedPositions({
      databaseUrl: database.appUrl,
      positions,
      services,
      logger: createLogger({ name: 'spec', level: 'silent' }),
    });
    open.push({ positions, shared });
    await shared.start();
    return positions;
  }
  const write = (through: SeenPositions, caller: Caller) => through.note(caller, `tasks:${EPOCH}.${++at.tasks}`);
  const seen = (through: SeenPositions, caller: Caller) => Number(/tasks:e1111111\.(\d+)/.exec(through.of(caller))?.[1] ?? -1);

  /** Writes until the other has been told of a key. */
  const reaches = async (one: SeenPositions, other: SeenPositions) => {
    const written = new Map<Caller, number>();
    await eventually(() => {
      const caller = aCaller();
      write(one, caller);
      written.set(caller, Number(at.tasks));
      expect([...written].filter(([each, position]) => seen(other, each) === position)).not.toEqual([]);
    });
  };

  it('begin with what the services are at, before the first request', async () => {
    expect((await aGateway()).of(aCaller())).toBe(`tasks:${EPOCH}.100,projects:${EPOCH}.50`);
  });

  it('know nothing of a service that is away until it answers', async () => {
    away.add('projects');
    const positions = await aGateway();
    expect(positions.of(aCaller())).toBe(`tasks:${EPOCH}.100`);
    away.clear();
    await eventually(() => expect(positions.of(aCaller())).toContain(`projects:${EPOCH}.50`));
  });

  // Guarantees that a key reads through one gateway what it wrote through another, and that another key waits for none of it.
  it('learn of each other’s keys, each key its own', async () => {
    const [one, other] = [await aGateway(), await aGateway()];
    await reaches(one, other);
    await reaches(other, one);
    const callers = Array.from({ length: 500 }, () => aCaller());
    const written = callers.map((caller, index) => {
      write(index % 2 === 0 ? one : other, caller);
      return Number(at.tasks);
    });
    await eventually(() => {
      for (const gateway of [one, other]) expect(callers.map((caller) => seen(gateway, caller))).toEqual(written);
    });
    expect(seen(one, aCaller())).toBeLessThan(written[0]!);
  });

  // Guarantees that nothing falls between a gateway's first question and the moment in which the others know of it.
  it('that come while others write miss nothing', async () => {
    const one = await aGateway();
    for (let round = 0; round < 10; round++) {
      const callers: Caller[] = [];
      const writing = setInterval(() => {
        callers.push(aCaller());
        write(one, callers.at(-1)!);
      }, 0);
      const late = await aGateway();
      clearInterval(writing);
      const newest = Number(at.tasks);
      await eventually(() => {
        const first = newest - callers.length + 1;
        callers.forEach((caller, index) => expect(seen(late, caller)).toBeGreaterThanOrEqual(first + index));
      });
    }
  });

  it('that lose their connection take every key to have seen what the services are at when they hear again', async () => {
    const [one, other] = [await aGateway(), await aGateway()];
    const caller = aCaller();
    await owner.query(`select pg_terminate_backend(a.pid) from pg_stat_activity a where a.application_name = 'gateway positions'`);
    for (let writes = 0; writes < 5; writes++) write(one, caller);
    await eventually(() => expect(seen(other, caller)).toBeGreaterThanOrEqual(Number(at.tasks)));
    // And they tell each other again.
    await reaches(other, one);
  });

  it('tell nobody anything of keys while they are alone', async () => {
    const heard: string[] = [];
    const client = await owner.connect();
    client.on('notification', ({ payload }) => heard.push(payload!.split('\t')[0]!));
    await client.query('listen works_seen_positions');
    const one = await aGateway();
    for (let writes = 0; writes < 20; writes++) write(one, aCaller());
    await aGateway();
    await eventually(() => expect(heard.length).toBeGreaterThanOrEqual(3));
    expect(new Set(heard)).toEqual(new Set(['here']));
    await client.query('unlisten *');
    client.release(true);
  });
});
