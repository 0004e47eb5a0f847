import fc from 'fast-check';
import type { Pool } from 'pg';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { createLogger } from '@works/platform/logging';
import { openPool, sqlState } from '@works/platform/postgres';
import { TenantDatabase } from '@works/platform/tenancy';
import { aCaller, eventually } from '@works/platform/testing';
import { receiver } from '../webhooks-service.examples';
import { killPending } from './dead-letters.examples';
import { ReplayRunner } from './replay-runner';
import { fanOut } from './fan-out';
import { deliverySeed } from './statements';
import { aWorker, aWorkerProcess, deliveryDatabase, newEvents, takingNothing } from './workers.examples';

type Database = Awaited<ReturnType<typeof deliveryDatabase>>;

/** What dies here locks rows in no order, and can wait for a step that waits for it. Whoever is refused does it again, as a runner does. */
const unlessInACircle = (error: unknown): void => {
  if (sqlState(error) !== '40P01') throw error;
};

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** A job as the command writes it. */
async function aJob(
  owner: Pool,
  caller: Caller,
  { endpointId = null as string | null, ratePerSecond = 1_000, events = false } = {},
): Promise<string> {
  const id = newId('rpl');
  await owner.query(
    `select works_start_replay($1, $2, $3, $4, $5, '{}', $6, $7,
              case when $8 then (select last_position from event_counters where organization_id = $2 and livemode = $3) end, 0, now())`,
    [id, caller.organizationId, caller.livemode, events ? 'events' : 'dead_letters', endpointId, ratePerSecond, events ? '0' : '', events],
  );
  return id;
}

const jobOf = async (owner: Pool, id: string) =>
  (await owner.query<{ status: string; replayed: number }>('select status, replayed::int from replay_jobs where id = $1', [id])).rows[0]!;

const aRunner = (pool: Pool, made: (endpointIds: readonly string[]) => void = () => undefined) =>
  new ReplayRunner({ pool, made, logger: createLogger({ name: 'spec', level: 'silent' }) });

describe('the steps of a replay', () => {
  let database: Database;

  beforeEach(async () => {
    database = await deliveryDatabase();
  });
  afterEach(() => database.drop());

  async function dying(count: number, url = 'https://receiver.example/', caller = aCaller()) {
    const endpointId = await database.endpoint(caller, url);
    await fanOut(database.workers, newEvents(caller, count), takingNothing());
    await killPending(database.owner, endpointId);
    return { caller, endpointId };
  }
  const replaysOf = async (endpointId: string) =>
    (
      await database.owner.query<{ replay_of: string }>(
        'select replay_of from deliveries where endpoint_id = $1 and replay_of is not null',
        [endpointId],
      )
    ).rows.map(({ replay_of }) => replay_of);

  it('are made by one of any number of workers, and each dead letter once', async () => {
    const { caller, endpointId } = await dying(400);
    const id = await aJob(database.owner, caller);
    const runners = Array.from({ length: 4 }, () => aRunner(database.workers));
    for (const runner of runners) runner.start();
    await eventually(async () => expect(await jobOf(database.owner, id)).toEqual({ status: 'completed', replayed: 400 }));
    await Promise.all(runners.map((runner) => runner.stop()));
    const made = await replaysOf(endpointId);
    expect([made.length, new Set(made).size]).toEqual([400, 400]);
  });

  it('that come too early, or for a job that is paused, do nothing', async () => {
    const { caller, endpointId } = await dying(10);
    const id = await aJob(database.owner, caller, { ratePerSecond: 1 });
    const step = async () => (await database.workers.query('select * from works_replay_step($1, $2)', [id, deliverySeed()])).rows;
    expect(await step()).toEqual([{ made: 1, status: 'running' }]);
    expect(await step()).toEqual([]);
    await database.owner.query(`update replay_jobs set status = 'paused', due_at = now() where id = $1`, [id]);
    expect(await step()).toEqual([]);
    expect(await replaysOf(endpointId)).toHaveLength(1);
  });

  it('go on in another process when theirs is killed', async () => {
    const target = await receiver();
    const { caller, endpointId } = await dying(300, target.url);
    const id = await aJob(database.owner, caller, { ratePerSecond: 100 });
    const killed = await aWorkerProcess(database.own, 1);
    await eventually(async () => expect((await jobOf(database.owner, id)).replayed).toBeGreaterThan(20));
    killed.kill('SIGKILL');
    const { replayed, status } = await jobOf(database.owner, id);
    expect([replayed < 300, status]).toEqual([true, 'running']);
    const worker = aWorker(database.workers, { leaseSeconds: 1 });
    const runner = aRunner(database.workers, () => worker.wakeForReplays());
    worker.start();
    runner.start();
    await eventually(async () => expect(await jobOf(database.owner, id)).toEqual({ status: 'completed', replayed: 300 }));
    const made = await replaysOf(endpointId);
    expect([made.length, new Set(made).size]).toEqual([300, 300]);
    await eventually(async () =>
      expect((await database.deliveries(endpointId)).filter(({ status }) => status === 'delivered')).toHaveLength(300),
    );
    await runner.stop();
    await worker.stop();
    await target.close();
  });

  it('that fail keep no other job waiting', async () => {
    const [broken, whole] = [await dying(3), await dying(3)];
    const bad = await aJob(database.owner, broken.caller);
    const good = await aJob(database.owner, whole.caller);
    await database.owner.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'for a spec'; end $$;
       create trigger refuse before insert on deliveries for each row when (new.organization_id = '${broken.caller.organizationId}') execute function refuse()`,
    );
    const runner = aRunner(database.workers);
    runner.start();
    await eventually(async () => expect((await jobOf(database.owner, good)).status).toBe('completed'));
    expect(await jobOf(database.owner, bad)).toEqual({ status: 'running', replayed: 0 });
    await runner.stop();
  });

  // What happens now has its places, however much is being replayed: at this endpoint half of them, and all of the other lanes.
  it('leave the places of first attempts alone', async () => {
    const held: (() => void)[] = [];
    const target = await receiver(({ headers }, response) => {
      if (first.has(headers['webhook-id'] as string)) response.writeHead(200).end();
      else held.push(() => response.writeHead(200).end());
    });
    const first = new Set<string>();
    const { caller, endpointId } = await dying(50, target.url);
    await aJob(database.owner, caller);
    const worker = aWorker(database.workers, { graceMs: 50 });
    const runner = aRunner(database.workers, () => worker.wakeForReplays());
    worker.start();
    runner.start();
    await eventually(() => expect(held).toHaveLength(8));
    const events = newEvents(caller, 20);
    for (const { id } of events) first.add(id);
    await worker.fanOut(events);
    await eventually(async () =>
      expect((await database.deliveries(endpointId)).filter(({ status }) => status === 'delivered')).toHaveLength(20),
    );
    expect(held).toHaveLength(8);
    for (const answer of held) answer();
    await runner.stop();
    await worker.stop();
    await target.close();
  });

  // The statistics of a table that grows are always behind: here they say that it is empty.
  it('read no more than they need, however much there is', async () => {
    const { caller, endpointId } = await dying(1_000);
    await fanOut(database.workers, newEvents(caller, 1_000), takingNothing());
    await dying(1_000);
    const readBy = async (statement: string, values: unknown[]): Promise<number> => {
      const client = await database.owner.connect();
      const soFar = async () =>
        (
          await client.query<{ read: number }>(
            `select sum(seq_tup_read + idx_tup_fetch)::int as read from pg_stat_xact_user_tables where relname in ('deliveries', 'event_log', 'attempts')`,
          )
        ).rows[0]!.read;
      try {
        await client.query('begin');
        const before = await soFar();
        await client.query(statement, values);
        return (await soFar()) - before;
      } finally {
        await client.query('rollback');
        client.release();
      }
    };
    // Ten deliveries each: a twentieth of a second of the rate, and a page.
    const dead = await aJob(database.owner, caller, { ratePerSecond: 200 });
    expect(await readBy('select * from works_replay_step($1, $2)', [dead, deliverySeed()])).toBeLessThan(250);
    // What has died a second time is found through the first delivery of its event.
    const first = await aJob(database.owner, caller);
    while ((await jobOf(database.owner, first)).status === 'running') {
      await database.workers.query('select * from works_replay_step($1, $2)', [first, deliverySeed()]);
    }
    await killPending(database.owner, endpointId);
    const second = await aJob(database.owner, caller, { ratePerSecond: 200 });
    expect(await readBy('select * from works_replay_step($1, $2)', [second, deliverySeed()])).toBeLessThan(250);
    const events = await aJob(database.owner, caller, { ratePerSecond: 200, endpointId, events: true });
    expect(await readBy('select * from works_replay_step($1, $2)', [events, deliverySeed()])).toBeLessThan(250);
    expect(await readBy('select * from works_endpoint_events($1, 500, 10)', [endpointId])).toBeLessThan(50);
    expect(await readBy(`select works_position_since($1, $2, now())`, [caller.organizationId, caller.livemode])).toBeLessThan(50);
  });

  const opened: Pool[] = [];
  const openPoolOf = ({ own }: Database): Pool => {
    const pool = openPool(own.appUrl, { max: 2, applicationName: 'spec reader' });
    opened.push(pool);
    return pool;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((pool) => pool.end()));
  });

  // Whoever pulls with what he has got holds every number once, while others number and replay at the same time.
  it('leave the sequence without gaps to whoever pulls meanwhile', async () => {
    const plan = fc.record({
      batches: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 3, maxLength: 8 }),
      limit: fc.integer({ min: 1, max: 9 }),
      jobs: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
    });
    const read = new TenantDatabase(openPoolOf(database));
    await fc.assert(
      fc.asyncProperty(plan, async ({ batches, limit, jobs }) => {
        const caller = aCaller();
        // Numbered before there was an endpoint: these only a job can bring to it.
        await fanOut(database.workers, newEvents(caller, 15), takingNothing());
        const endpointId = await database.endpoint(caller, 'https://receiver.example/');
        let busy = true;
        const pull = async () => {
          const held: number[] = [];
          for (let ended = false; ;) {
            const rows = await read.query<{ sequence: string | null }>(caller, 'select * from works_endpoint_events($1, $2, $3)', [
              endpointId,
              held.at(-1) ?? 0,
              limit,
            ]);
            const got = rows.flatMap(({ sequence }) => (sequence === null ? [] : [Number(sequence)]));
            held.push(...got);
            if (ended && got.length === 0) return held;
            ended = !busy;
          }
        };
        const pulling = [pull(), pull()];
        await Promise.all([
          ...batches.map((size) => fanOut(database.workers, newEvents(caller, size), takingNothing())),
          ...jobs.map(async (events) => {
            const id = await aJob(database.owner, caller, { endpointId, events });
            while ((await jobOf(database.owner, id)).status === 'running') {
              await database.workers.query('select * from works_replay_step($1, $2)', [id, deliverySeed()]).catch(unlessInACircle);
              await killPending(database.owner, endpointId).catch(unlessInACircle);
            }
          }),
        ]);
        busy = false;
        const total = batches.reduce((sum, size) => sum + size, 0) + (jobs.includes(true) ? 15 : 0);
        for (const held of await Promise.all(pulling)) expect(held).toEqual(upTo(total));
      }),
      { numRuns: 8 },
    );
  });
});
