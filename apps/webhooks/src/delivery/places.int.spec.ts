import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { receiver } from '../webhooks-service.examples';
import type { Leased, Stage } from './attempt';
import { fanOut } from './fan-out';
import { claimDueDeliveries, recordAttempts } from './statements';
import { anOutcome, aWorker, deliveryDatabase, newEvents, takingNothing } from './workers.examples';

describe('places over all workers', () => {
  let database: Awaited<ReturnType<typeof deliveryDatabase>>;

  beforeEach(async () => {
    database = await deliveryDatabase();
  });
  afterEach(() => database.drop());

  const claim = async ({ first = 100, retries = 100, organizationMax = 96 } = {}) =>
    (
      await claimDueDeliveries(database.workers, {
        leaseToken: newId('wrk'),
        leaseSeconds: 30,
        organizationMax,
        first,
        retries,
        replays: 0,
      })
    ).leased;
  const wait = (caller: ReturnType<typeof aCaller>, count: number) => fanOut(database.workers, newEvents(caller, count), takingNothing());
  const countBy = <Key extends string>(leased: readonly Leased[], key: (leased: Leased) => Key) =>
    leased.reduce<Record<string, number>>((counts, each) => ({ ...counts, [key(each)]: (counts[key(each)] ?? 0) + 1 }), {});
  const record = (leased: readonly Leased[], failedAt: Stage | null, next: Date | null = null) =>
    recordAttempts(
      database.workers,
      leased.map((each) => ({
        attemptId: newId('att'),
        leased: each,
        number: each.attemptsMade + 1,
        outcome: { ...anOutcome(), ...(failedAt && { error: { stage: failedAt, code: 'x', detail: 'x' } }) },
        status: failedAt === null ? 'delivered' : 'pending',
        nextAttemptAt: failedAt === null ? null : (next ?? new Date()),
      })),
      3_600,
    );
  const breakerOf = async (endpoint: string) =>
    (
      await database.owner.query<{ open: boolean }>('select breaker_opened_at is not null as open from webhook_endpoints where id = $1', [
        endpoint,
      ])
    ).rows[0]!.open;

  // However many ask at once, and whether they claim or fan out: what is leased is counted where all of them see it.
  it('never give an endpoint more than its own', async () => {
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, 'https://small.example/', { maxInFlight: 3 });
    await wait(caller, 20);
    const [leased, more] = await Promise.all([
      Promise.all(Array.from({ length: 6 }, () => claim())),
      Promise.all(Array.from({ length: 4 }, () => fanOut(database.workers, newEvents(caller, 5), { ...takingNothing(), capacity: 10 }))),
    ]);
    expect(leased.flat().length + more.flatMap((each) => each.leased).length).toBe(3);
    expect((await database.deliveries(endpoint)).filter(({ lease_token }) => lease_token !== null)).toHaveLength(3);
  });

  it('never give an organization more than the operator allows, in each of its modes', async () => {
    const live = aCaller();
    const test = { ...live, livemode: !live.livemode };
    for (const caller of [live, test]) {
      for (let endpoint = 0; endpoint < 5; endpoint++) await database.endpoint(caller, 'https://many.example/', { maxInFlight: 8 });
      await wait(caller, 20);
    }
    const leased = (await Promise.all(Array.from({ length: 6 }, () => claim({ organizationMax: 10 })))).flat();
    expect(countBy(leased, ({ livemode }) => String(livemode))).toEqual({ true: 10, false: 10 });
    expect((await fanOut(database.workers, newEvents(live, 5), { ...takingNothing(), capacity: 50, organizationMax: 10 })).leased).toEqual(
      [],
    );
  });

  // One that hangs with all its places, and another beside it: something of the organization's places is left for whoever comes later.
  it('leave something to an endpoint whose siblings hang', async () => {
    const caller = aCaller();
    for (let hanging = 0; hanging < 12; hanging++) await database.endpoint(caller, 'https://hangs.example/');
    await wait(caller, 40);
    for (let round = 0; round < 10; round++) await claim();
    const healthy = await database.endpoint(caller, 'https://healthy.example/', { events: ['task.created'] });
    await wait(caller, 1);
    expect(countBy(await claim(), ({ endpointId }) => endpointId)[healthy]).toBe(1);
  });

  it('go around in turns: over organizations first, and then over the endpoints of each', async () => {
    const [big, small] = [aCaller(), aCaller()];
    for (let endpoint = 0; endpoint < 10; endpoint++) await database.endpoint(big, 'https://big.example/');
    await database.endpoint(small, 'https://small.example/');
    await wait(big, 30);
    await wait(small, 30);
    const leased = await claim({ first: 16 });
    expect(countBy(leased, ({ organizationId }) => organizationId)).toEqual({ [big.organizationId]: 8, [small.organizationId]: 8 });
    expect(
      new Set(leased.filter(({ organizationId }) => organizationId === big.organizationId).map(({ endpointId }) => endpointId)).size,
    ).toBe(8);
  });

  // The oldest first, whichever pool it is from: a crowd of first attempts must not keep retries from their turn.
  it('go to what came due first', async () => {
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, 'https://mixed.example/', { maxInFlight: 1 });
    await wait(caller, 1);
    const [first] = await claim();
    await record([first!], 'status', new Date());
    await wait(caller, 5);
    await database.owner.query(`update deliveries set due_at = due_at - interval '1 second' where endpoint_id = $1 and attempts_made = 1`, [
      endpoint,
    ]);
    expect(await claim()).toMatchObject([{ deliveryId: first!.deliveryId, attemptsMade: 1 }]);
  });

  describe('behind a breaker', () => {
    it('are one, once five attempts in a row had no answer, until one succeeds', async () => {
      const caller = aCaller();
      const endpoint = await database.endpoint(caller, 'https://silent.example/');
      await wait(caller, 30);
      const leased = await claim();
      expect(leased).toHaveLength(16);
      await record(leased.slice(0, 4), 'timeout_headers');
      expect(await breakerOf(endpoint)).toBe(false);
      await record(leased.slice(4, 16), 'timeout_headers');
      expect(await breakerOf(endpoint)).toBe(true);

      const probes = (await Promise.all([claim(), claim(), claim()])).flat();
      expect(probes).toHaveLength(1);
      expect(await claim()).toEqual([]);
      await record(probes, 'connect');
      expect((await fanOut(database.workers, newEvents(caller, 3), { ...takingNothing(), capacity: 10 })).leased).toEqual([]);
      const [probe] = await claim();
      await record([probe!], null);
      expect(await breakerOf(endpoint)).toBe(false);
      expect(await claim()).toHaveLength(16);
    });

    // An endpoint that answers, with whatever, holds its places only as long as it takes to answer.
    it('does not open for endpoints that answer', async () => {
      const caller = aCaller();
      const endpoint = await database.endpoint(caller, 'https://grumpy.example/');
      await wait(caller, 16);
      const leased = await claim();
      await record(leased.slice(0, 4), 'timeout_headers');
      await record(leased.slice(4, 5), 'status');
      await record(leased.slice(5, 9), 'timeout_headers');
      expect(await breakerOf(endpoint)).toBe(false);
    });

    // The promise of the schedule: every one of them is made, in the order in which they came due.
    it('keeps the turn of everything that is due', async () => {
      const caller = aCaller();
      let silent = true;
      const target = await receiver((_, response) => void (silent ? response.destroy() : response.writeHead(200).end()));
      const endpoint = await database.endpoint(caller, target.url, { maxInFlight: 1 });
      await database.owner.query(
        'update webhook_endpoints set breaker_opened_at = now(), failing_since = now(), unreachable = 5 where id = $1',
        [endpoint],
      );
      const worker = aWorker(database.workers);
      worker.start();
      await worker.fanOut(newEvents(caller, 10));
      await eventually(() => expect(target.arrivals).toHaveLength(10));
      silent = false;
      await eventually(async () => expect((await database.deliveries(endpoint)).every(({ status }) => status === 'delivered')).toBe(true));
      const numbers = target.arrivals.map(({ headers }) => Number(headers['webhook-sequence']));
      expect(numbers).toEqual([...numbers.slice(0, 10).sort((a, b) => a - b), ...numbers.slice(0, 10).sort((a, b) => a - b)]);
      await worker.stop();
      await target.close();
    });
  });

  // Two workers on one database: what counts is what both send together.
  it('are given out no faster than an endpoint allows', async () => {
    const caller = aCaller();
    const target = await receiver();
    await database.endpoint(caller, target.url, { rateLimit: 20 });
    const workers = [aWorker(database.workers), aWorker(database.workers)];
    for (const worker of workers) worker.start();
    const since = performance.now();
    await Promise.all(workers.map((worker) => worker.fanOut(newEvents(caller, 20))));
    await eventually(() => expect(target.arrivals).toHaveLength(40));
    // 20 a second, and a tenth of a second's worth at once. Counted from the beginning: what is late on a busy machine arrives closer to the next.
    for (const [index, { at }] of target.arrivals.entries()) expect(index + 1).toBeLessThanOrEqual(3 + ((at - since) / 1_000) * 20);
    await Promise.all(workers.map((worker) => worker.stop()));
    await target.close();
  });
});
