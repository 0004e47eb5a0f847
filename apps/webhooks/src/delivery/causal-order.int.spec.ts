import fc from 'fast-check';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller } from '@works/platform/testing';
import { fanOut, type Circumstances, type FannedOut, type Work } from './fan-out';
import { RecentlyNumbered } from './recently-numbered';
import type { NewEvent } from './statements';
import { aNewEvent, deliveryDatabase, takingNothing } from './workers.examples';

type Database = Awaited<ReturnType<typeof deliveryDatabase>>;

/** One event of a plan: what it depends on are earlier ones of the same tenant, counted back; 0 is none. */
interface Planned {
  readonly topic: number;
  readonly previous: number;
  readonly cause: number;
}

const planned = fc.record({ topic: fc.nat({ max: 3 }), previous: fc.nat({ max: 4 }), cause: fc.nat({ max: 6 }) });

/** Which topic is handled next, how much of it, whether its transaction comes to nothing, and whether it comes again although it has committed. */
const call = fc.record({
  topic: fc.nat({ max: 3 }),
  size: fc.integer({ min: 1, max: 6 }),
  worker: fc.nat({ max: 1 }),
  fails: fc.boolean(),
  repeats: fc.boolean(),
});

describe('the log of an organization', () => {
  let database: Database;

  beforeAll(async () => {
    database = await deliveryDatabase();
  });
  afterAll(() => database.drop());

  const eventsOf = (caller: Caller, plan: readonly Planned[]): NewEvent[] => {
    const events: NewEvent[] = [];
    for (const { previous, cause } of plan)
      events.push({
        ...aNewEvent(caller),
        previousEvent: (previous > 0 && events.at(-previous)?.id) || null,
        causedBy: (cause > 0 && events.at(-cause)?.id) || null,
      });
    return events;
  };

  const rows = async (caller: Caller) =>
    (
      await database.owner.query<{ position: string; id: string; out_of_order: boolean; body: string }>(
        'select position::text as position, id, out_of_order, body from event_log where organization_id = $1 and livemode = $2 order by event_log.position',
        [caller.organizationId, caller.livemode],
      )
    ).rows;
  const held = async (caller: Caller) =>
    (
      await database.owner.query<{ id: string }>('select id from early_events where organization_id = $1 order by place', [
        caller.organizationId,
      ])
    ).rows.map(({ id }) => id);
  const startAt = (caller: Caller, position: string) =>
    database.owner.query('insert into event_counters (organization_id, livemode, last_position) values ($1, $2, $3)', [
      caller.organizationId,
      caller.livemode,
      position,
    ]);

  /** As a worker does it: until nothing more is ready. With `fails` each transaction comes to nothing, as when the worker is killed in it. */
  async function work(first: Work | readonly NewEvent[], circumstances: Circumstances = {}, fails = false): Promise<FannedOut[]> {
    const done: FannedOut[] = [];
    for (let next: Work | readonly NewEvent[] | null = first; next !== null; next = done.at(-1)!.rest) {
      if (!fails) {
        done.push(await fanOut(database.workers, next, takingNothing(), circumstances));
        continue;
      }
      const client = await database.workers.connect();
      await client.query('begin');
      await fanOut(client, next, takingNothing(), circumstances);
      await client.query('rollback');
      client.release();
      break;
    }
    return done;
  }

  const expectCausal = (log: readonly { id: string }[], events: readonly NewEvent[]) => {
    const place = new Map(log.map(({ id }, index) => [id, index]));
    for (const { id, previousEvent, causedBy } of events) {
      if (!place.has(id)) continue;
      for (const awaited of [previousEvent, causedBy])
        if (awaited !== null) expect(place.get(awaited) ?? Infinity).toBeLessThan(place.get(id)!);
    }
  };

  // The law of the log: topics are handled in any order by two workers at once, come again, and are lost in kills.
  it('is a linear extension of causality, without gaps, each event once, and every ordered endpoint gets it so', async () => {
    const plan = fc.record({
      tenants: fc.array(fc.array(planned, { minLength: 1, maxLength: 18 }), { minLength: 1, maxLength: 2 }),
      calls: fc.array(call, { minLength: 4, maxLength: 30 }),
      start: fc.constantFrom('0', '8', '98', '2147483640', '4294967290', '9007199254740000'),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ tenants, calls, start }) => {
        const all = tenants.map((plans) => {
          const caller = aCaller();
          return { caller, plans, events: eventsOf(caller, plans) };
        });
        await Promise.all(all.map(({ caller }) => startAt(caller, start)));
        const endpoints = await Promise.all(
          all.map(({ caller }) => database.endpoint(caller, 'https://ordered.example/', { ordering: 'project' })),
        );
        const topics = [0, 1, 2, 3].map((topic) =>
          all.flatMap(({ plans, events }) => events.filter((_event, index) => plans[index]!.topic === topic)),
        );
        const offsets = [0, 0, 0, 0];
        const memories = [new RecentlyNumbered(), new RecentlyNumbered()];
        const busy: [Promise<unknown>, Promise<unknown>] = [Promise.resolve(), Promise.resolve()];
        const handle = (topic: number, size: number, worker: number, fails: boolean, repeats: boolean) => {
          const events = topics[topic]!.slice(offsets[topic], offsets[topic]! + size);
          if (events.length === 0) return;
          busy[worker] = busy[worker]!.then(() => work(events, { lately: memories[worker]! }, fails));
          if (!fails && !repeats) offsets[topic]! += events.length;
        };
        for (const { topic, size, worker, fails, repeats } of calls) handle(topic, size, worker, fails, repeats);
        await Promise.all(busy);
        for (const { caller, events } of all) expectCausal(await rows(caller), events);

        for (const topic of [3, 1, 0, 2]) handle(topic, 1_000, topic % 2, false, false);
        await Promise.all(busy);
        for (const [index, { caller, events }] of all.entries()) {
          const log = await rows(caller);
          expectCausal(log, events);
          expect(log.map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort());
          expect(log.map(({ position }) => position)).toEqual(events.map((_event, place) => String(BigInt(start) + BigInt(place + 1))));
          expect(log.filter((row) => row.out_of_order)).toEqual([]);
          expect(await held(caller)).toEqual([]);
          const deliveries = await database.deliveries(endpoints[index]!);
          expect(deliveries.map((delivery) => delivery.event_id)).toEqual(log.map(({ id }) => id));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('holds back only what depends on the missing one, and gives the rest its numbers', async () => {
    const caller = aCaller();
    const missing = aNewEvent(caller);
    const early = { ...aNewEvent(caller), previousEvent: missing.id };
    const dependent = { ...aNewEvent(caller), causedBy: early.id };
    const stranger = aNewEvent(caller);
    expect(await work([early, dependent, stranger])).toMatchObject([{ held: 2, released: [] }]);
    expect([(await rows(caller)).map(({ id }) => id), await held(caller)]).toEqual([[stranger.id], [early.id, dependent.id]]);
    // Redelivered while it is held: not held twice, and not numbered.
    expect(await work([dependent, early])).toMatchObject([{ held: 0, released: [] }]);
    expect(await held(caller)).toEqual([early.id, dependent.id]);
    expect((await work([missing]))[0]!.released.map(({ event, reason }) => [event.id, reason])).toEqual([
      [early.id, 'arrived'],
      [dependent.id, 'arrived'],
    ]);
    expect((await rows(caller)).map(({ id }) => id)).toEqual([stranger.id, missing.id, early.id, dependent.id]);
    await work([dependent, early, missing]);
    expect(await rows(caller)).toHaveLength(4);
  });

  it('numbers what is held in the very bytes in which it came', async () => {
    const caller = aCaller();
    const missing = aNewEvent(caller);
    const early = { ...aNewEvent(caller), previousEvent: missing.id };
    await work([early]);
    await work([missing]);
    expect((await rows(caller)).map(({ body }) => body)).toEqual([`${missing.before}1${missing.after}`, `${early.before}2${early.after}`]);
  });

  it('waits for nothing that is older than what is kept', async () => {
    const caller = aCaller();
    const old = { ...aNewEvent(caller), previousEvent: 'evt_01GZZZZZZZZZZZZZZZZZZZZZZZ' };
    await work([old], { keptFromMs: Date.now() - 86_400_000 });
    expect(await rows(caller)).toMatchObject([{ id: old.id, out_of_order: false }]);
  });

  it('goes on without what was given up, and marks that', async () => {
    const caller = aCaller();
    const never = newId('evt');
    const early = { ...aNewEvent(caller), previousEvent: never };
    const behind = { ...aNewEvent(caller), previousEvent: early.id };
    await work([behind, early]);
    const [done] = await work({ events: [], ids: [early.id], tenants: [early], givenUp: new Map([[never, 'never_public']]) });
    expect(done!.released.map(({ event, reason }) => [event.id, reason])).toEqual([
      [early.id, 'never_public'],
      [behind.id, 'arrived'],
    ]);
    expect((await rows(caller)).map((row) => [row.id, row.out_of_order])).toEqual([
      [early.id, true],
      [behind.id, false],
    ]);
  });

  it('releases any number of events, some in each transaction', async () => {
    const caller = aCaller();
    const project = aNewEvent(caller, 'project.created');
    const tasks = Array.from({ length: 1_300 }, () => ({ ...aNewEvent(caller), causedBy: project.id }));
    for (let from = 0; from < tasks.length; from += 500) await work(tasks.slice(from, from + 500));
    expect((await work([project])).length).toBeGreaterThan(2);
    expect((await rows(caller)).map(({ id }) => id)).toEqual([project.id, ...tasks.map(({ id }) => id)]);
    expect(await held(caller)).toEqual([]);
  });

  it('refuses, as in an outage, to hold more of one organization than there is room for, and takes the others', async () => {
    const [full, other] = [aCaller(), aCaller()];
    const early = (caller: Caller, missing = newId('evt')) => [1, 2].map(() => ({ ...aNewEvent(caller), causedBy: missing }));
    await work(early(full), { heldMax: 2 });
    await expect(work(early(full), { heldMax: 2 })).rejects.toMatchObject({ code: '53400' });
    expect(await work(early(other), { heldMax: 2 })).toMatchObject([{ held: 2 }]);
    expect([await held(full), await held(other)].map(({ length }) => length)).toEqual([2, 2]);
  });
});
