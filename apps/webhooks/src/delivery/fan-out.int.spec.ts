import fc from 'fast-check';
import type { Pool } from 'pg';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { TenantDatabase } from '@works/platform/tenancy';
import { giveBack, openPool } from '@works/platform/postgres';
import { aCaller } from '@works/platform/testing';
import { fanOut } from './fan-out';
import { recordAttempts, type NewEvent } from './statements';
import { anOutcome, deliveryDatabase, newEvents, takingNothing } from './workers.examples';

type Database = Awaited<ReturnType<typeof deliveryDatabase>>;

/** One call of the fan-out: which events, by which of the consumers, and whether its transaction comes to nothing. */
interface Call {
  readonly events: readonly NewEvent[];
  readonly fails: boolean;
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('numbering events and deliveries', () => {
  let database: Database;
  let app: Pool;

  beforeAll(async () => {
    database = await deliveryDatabase();
    app = openPool(database.own.appUrl, { max: 2, applicationName: 'spec reader' });
  });
  afterAll(async () => {
    await app.end();
    await database.drop();
  });

  async function make({ events, fails }: Call): Promise<void> {
    const client = await database.workers.connect();
    try {
      await client.query('begin');
      await fanOut(client, events, takingNothing());
      await client.query(fails ? 'rollback' : 'commit');
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  }

  const positionsOf = async (caller: Caller) =>
    (
      await database.owner.query<{ position: string; id: string; body: string }>(
        'select position, id, body from event_log where organization_id = $1 and livemode = $2 order by position',
        [caller.organizationId, caller.livemode],
      )
    ).rows;

  /** What GET /events does: the page after the last position that the reader has. */
  async function follow(caller: Caller, until: () => boolean): Promise<string[]> {
    const read = new TenantDatabase(app);
    const ids: string[] = [];
    for (let last = 0, ended = false; ;) {
      const rows = await read.query<{ position: string; id: string }>(
        caller,
        'select position, id from event_log where organization_id = $1 and livemode = $2 and position > $3 order by position limit 7',
        [caller.organizationId, caller.livemode, last],
      );
      for (const row of rows) {
        expect(Number(row.position)).toBe(++last);
        ids.push(row.id);
      }
      if (ended && rows.length === 0) return ids;
      ended = until();
    }
  }

  // Eight consumers at once, the same events in several batches, and transactions that come to nothing in between: as after a rebalance under load.
  it('leaves no gap and gives no number twice, however consumers overlap and fail', async () => {
    const plan = fc.record({
      tenants: fc.integer({ min: 1, max: 3 }),
      calls: fc.array(
        fc.record({
          picks: fc.array(fc.record({ tenant: fc.nat({ max: 2 }), event: fc.nat({ max: 29 }) }), { minLength: 1, maxLength: 20 }),
          fails: fc.boolean(),
        }),
        { minLength: 8, maxLength: 24 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ tenants, calls }) => {
        const callers = upTo(tenants).map(() => aCaller());
        const events = callers.map((caller) => newEvents(caller, 30));
        const endpoints = await Promise.all(
          callers.flatMap((caller) => [
            database.endpoint(caller, 'https://one.example/'),
            database.endpoint(caller, 'https://two.example/', { events: ['task.*'] }),
          ]),
        );
        const asked = calls.map(({ picks, fails }) => ({
          fails,
          events: picks.map(({ tenant, event }) => events[tenant % tenants]![event]!),
        }));
        let over = false;
        const readers = Promise.all(callers.map((caller) => follow(caller, () => over)));
        await Promise.all(asked.map(make)).finally(() => (over = true));
        const followed = await readers;

        for (const [index, caller] of callers.entries()) {
          const committed = new Set(
            asked
              .filter(({ fails }) => !fails)
              .flatMap((call) => call.events)
              .filter(({ organizationId }) => organizationId === caller.organizationId)
              .map(({ id }) => id),
          );
          const log = await positionsOf(caller);
          expect(log.map(({ position }) => Number(position))).toEqual(upTo(committed.size));
          expect(log.map(({ id }) => id).sort()).toEqual([...committed].sort());
          for (const { position, body } of log) expect((JSON.parse(body) as { position: number }).position).toBe(Number(position));
          expect(followed[index]).toEqual(log.map(({ id }) => id));
          for (const endpoint of endpoints.slice(index * 2, index * 2 + 2)) {
            const deliveries = await database.deliveries(endpoint);
            expect(deliveries.map(({ sequence }) => Number(sequence))).toEqual(upTo(committed.size));
            // Sequences run in the order of positions.
            expect(deliveries.map(({ event_id }) => event_id)).toEqual(log.map(({ id }) => id));
          }
        }
      }),
      { numRuns: 12 },
    );
  });

  // The counter is locked until the commit: a reader that has seen position n will never find anything below it later.
  it('shows no position before the ones below it', async () => {
    const caller = aCaller();
    const slow = await database.workers.connect();
    await slow.query('begin');
    await fanOut(slow, newEvents(caller, 3), takingNothing());
    const quick = make({ events: newEvents(caller, 2), fails: false });
    expect(await positionsOf(caller)).toEqual([]);
    await slow.query('commit');
    slow.release();
    await quick;
    expect((await positionsOf(caller)).map(({ position }) => Number(position))).toEqual([1, 2, 3, 4, 5]);
  });

  // Whoever enables an endpoint is promised what was collected first, and a place may be free before that has been claimed.
  it('leases nothing new to us while something older of the endpoint is due, and at once where nothing is', async () => {
    const caller = aCaller();
    const behind = await database.endpoint(caller, 'https://behind.example/', { events: ['task.created'] });
    await fanOut(database.workers, newEvents(caller, 2), takingNothing());
    await database.endpoint(caller, 'https://new.example/', { events: ['task.created'] });
    const taking = () => ({ ...takingNothing(), capacity: 10 });
    const { leased, waiting } = await fanOut(database.workers, newEvents(caller, 1), taking());
    expect(leased.map(({ url }) => url)).toEqual(['https://new.example/']);
    expect(waiting).toBe(true);
    await database.owner.query(`update deliveries set due_at = now() + interval '1 minute' where endpoint_id = $1`, [behind]);
    const { leased: next } = await fanOut(database.workers, newEvents(caller, 1), taking());
    expect(next.map(({ url }) => url).sort()).toEqual(['https://behind.example/', 'https://new.example/']);
  });

  // Otherwise each could wait for an endpoint that the other has locked, until PostgreSQL refuses one of them.
  it('keeps nobody from recording an attempt of the same tenant', async () => {
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, 'https://prompt.example/');
    const { leased } = await fanOut(database.workers, newEvents(caller, 1), { ...takingNothing(), capacity: 1 });
    const [fanningOut, recording] = await Promise.all([database.workers.connect(), database.workers.connect()]);
    try {
      await fanningOut.query('begin');
      await fanOut(fanningOut, newEvents(caller, 1), takingNothing());
      await recording.query(`begin; set local lock_timeout = '1s'`);
      const result = {
        attemptId: newId('att'),
        leased: leased[0]!,
        number: 1,
        outcome: anOutcome(),
        status: 'delivered',
        nextAttemptAt: null,
      } as const;
      expect(await recordAttempts(recording, [result], 3_600)).toMatchObject({ recorded: 1 });
      await recording.query('commit');
      await fanningOut.query('commit');
    } finally {
      await Promise.all([giveBack(fanningOut), giveBack(recording)]);
    }
    expect((await database.deliveries(endpoint)).map(({ status }) => status)).toEqual(['delivered', 'pending']);
  });

  it('keeps collecting for an endpoint that is disabled, and leases none of it', async () => {
    const caller = aCaller();
    const id = await database.endpoint(caller, 'https://asleep.example/', { status: 'disabled' });
    const { leased, waiting } = await fanOut(database.workers, newEvents(caller, 5), { ...takingNothing(), capacity: 10 });
    expect([leased, waiting]).toEqual([[], true]);
    const deliveries = await database.deliveries(id);
    expect(deliveries.map(({ sequence, status, lease_token }) => [sequence, status, lease_token])).toEqual(
      upTo(5).map((sequence) => [String(sequence), 'pending', null]),
    );
  });
});
