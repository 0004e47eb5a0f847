import type { ServerResponse } from 'node:http';
import type { Pool } from 'pg';
import { aCaller, eventually } from '@works/platform/testing';
import { newId } from '@works/platform/ids';
import { nextAttemptAt } from '../domain/schedule';
import { receiver } from '../webhooks-service.examples';
import type { Leased } from './attempt';
import { fanOut } from './fan-out';
import { claimDueDeliveries, endLeases, recordAttempts as record, type Result } from './statements';
import { anOutcome, aWorker, aWorkerProcess, deliveryDatabase, newEvents, takingNothing } from './workers.examples';

describe('leases', () => {
  let database: Awaited<ReturnType<typeof deliveryDatabase>>;

  beforeEach(async () => {
    database = await deliveryDatabase();
  });
  afterEach(() => database.drop());

  const waiting = async (count: number, url = 'https://receiver.example/', maxInFlight = 16) => {
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, url, { maxInFlight });
    await fanOut(database.workers, newEvents(caller, count), takingNothing());
    return endpoint;
  };
  const claim = (leaseToken = newId('wrk')) =>
    claimDueDeliveries(database.workers, { leaseToken, leaseSeconds: 30, organizationMax: 96, first: 100, retries: 0, replays: 0 }).then(
      ({ leased }) => leased,
    );
  const recordAttempts = async (pool: Pool, results: Result[]) => (await record(pool, results, 3_600)).recorded;
  const resultOf = (leased: Leased, statusCode: number) => {
    const outcome = anOutcome(statusCode);
    const next = outcome.error === null ? null : nextAttemptAt(1, outcome.endedAt);
    return {
      attemptId: newId('att'),
      leased,
      number: 1,
      outcome,
      status: next === null ? ('delivered' as const) : ('pending' as const),
      nextAttemptAt: next,
    };
  };

  it('are given to one worker only, however many claim at once', async () => {
    await waiting(16);
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim()));
    const ids = claims.flat().map(({ deliveryId }) => deliveryId);
    expect([ids.length, new Set(ids).size]).toEqual([16, 16]);
    expect(await claim()).toEqual([]);
  });

  // The fencing token: a worker that slept through its lease must not write over what its successor did, before or after it has recorded.
  it('leave nothing to record for the worker that lost one', async () => {
    const endpoint = await waiting(2);
    const slept = await claim();
    await database.endLeases();
    await endLeases(database.workers);
    const successor = await claim();
    expect(successor.map(({ deliveryId }) => deliveryId)).toEqual(slept.map(({ deliveryId }) => deliveryId));

    expect(await recordAttempts(database.workers, [resultOf(slept[0]!, 500)])).toBe(0);
    expect(
      await recordAttempts(
        database.workers,
        successor.map((leased) => resultOf(leased, 200)),
      ),
    ).toBe(2);
    expect(
      await recordAttempts(
        database.workers,
        slept.map((leased) => resultOf(leased, 500)),
      ),
    ).toBe(0);
    expect(await database.deliveries(endpoint)).toMatchObject([
      { status: 'delivered', attempts_made: 1 },
      { status: 'delivered', attempts_made: 1 },
    ]);
    expect(await database.attempts(endpoint)).toHaveLength(2);
  });

  it('record a result once, also when the answer to the first recording was lost', async () => {
    const endpoint = await waiting(1);
    const [leased] = await claim();
    const result = resultOf(leased!, 200);
    expect([await recordAttempts(database.workers, [result]), await recordAttempts(database.workers, [result])]).toEqual([1, 0]);
    expect(await database.attempts(endpoint)).toHaveLength(1);
  });

  // They hold places of the endpoint, over all workers: nobody is to wait for the clock because somebody died.
  it('of a worker that is killed with attempts in flight end with it, and another sends again', async () => {
    let answering = false;
    const target = await receiver((_, response) => void (answering && response.writeHead(200).end()));
    const endpoint = await waiting(5, target.url);
    const killed = await aWorkerProcess(database.own, 3_600);
    await eventually(() => expect(target.arrivals).toHaveLength(5));
    killed.kill('SIGKILL');
    answering = true;
    const worker = aWorker(database.workers);
    worker.start();
    await eventually(async () =>
      expect((await database.deliveries(endpoint)).map(({ status }) => status)).toEqual(Array(5).fill('delivered')),
    );
    // What the killed one had sent was sent twice, as it must be; what came of it was recorded once, as the first attempt.
    expect(target.arrivals).toHaveLength(10);
    expect(new Set(target.arrivals.map(({ headers }) => headers['webhook-attempt']))).toEqual(new Set(['1/8']));
    expect((await database.attempts(endpoint)).map(({ number }) => number)).toEqual([1, 1, 1, 1, 1]);
    await worker.stop();
    await target.close();
  });

  // As a machine does that is suspended, or a container that is frozen: it wakes up with answers in its hands, in the middle of what it was doing.
  it('of a worker that is stopped for longer than they last leave it nothing to record when it goes on', async () => {
    const unanswered: ServerResponse[] = [];
    let status: number | null = null;
    const target = await receiver((_, response) => void (status === null ? unanswered.push(response) : response.writeHead(status).end()));
    const endpoint = await waiting(5, target.url);
    const slept = await aWorkerProcess(database.own, 3);
    await eventually(() => expect(unanswered).toHaveLength(5));
    slept.kill('SIGSTOP');
    for (const response of unanswered) response.writeHead(500).end();
    status = 200;
    const successor = aWorker(database.workers);
    successor.start();
    const statuses = async () => (await database.deliveries(endpoint)).map((delivery) => [delivery.status, delivery.attempts_made]);
    await eventually(async () => expect(await statuses()).toEqual(Array(5).fill(['delivered', 1])));
    await successor.stop();

    // It records in order: once it has recorded what came after its sleep, it has tried with what came before.
    slept.kill('SIGCONT');
    const later = await waiting(1, target.url);
    await eventually(async () => expect(await database.deliveries(later)).toMatchObject([{ status: 'delivered' }]));
    expect(await statuses()).toEqual(Array(5).fill(['delivered', 1]));
    expect((await database.attempts(endpoint)).map(({ number }) => number)).toEqual([1, 1, 1, 1, 1]);
    slept.kill('SIGKILL');
    await target.close();
  });

  it('are given back by a graceful stop, for the next worker to take at once', async () => {
    const silent = await receiver(() => undefined);
    const endpoint = await waiting(4, silent.url);
    const stopped = aWorker(database.workers, { graceMs: 50 });
    stopped.start();
    await eventually(() => expect(silent.arrivals).toHaveLength(4));
    await stopped.stop();
    // Nothing was recorded for attempts that we broke off ourselves.
    expect(await database.deliveries(endpoint)).toMatchObject(
      Array(4).fill({ status: 'pending', attempts_made: 0, lease_token: null, due: true }),
    );
    expect(await database.attempts(endpoint)).toEqual([]);
    expect(await claim()).toHaveLength(4);
    await silent.close();
  });

  // A batch can commit while we stop: nobody here will send what it leased to us.
  it('that arrive during a stop are given back too', async () => {
    const target = await receiver();
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, target.url);
    const worker = aWorker(database.workers, { graceMs: 50 });
    worker.start();
    const fannedOut = worker.fanOut(newEvents(caller, 5));
    await Promise.all([fannedOut, worker.stop()]);
    const deliveries = await database.deliveries(endpoint);
    expect(deliveries.filter(({ status, lease_token }) => status === 'pending' && lease_token !== null)).toEqual([]);
    expect((await database.attempts(endpoint)).length).toBe(deliveries.filter(({ status }) => status === 'delivered').length);
    await target.close();
  });

  it('of attempts that succeed within the grace of a stop are recorded', async () => {
    let answer: () => void = () => undefined;
    const target = await receiver((_, response) => void (answer = () => response.writeHead(200).end()));
    const endpoint = await waiting(1, target.url);
    const worker = aWorker(database.workers);
    worker.start();
    await eventually(() => expect(target.arrivals).toHaveLength(1));
    const stopped = worker.stop();
    answer();
    await stopped;
    expect(await database.deliveries(endpoint)).toMatchObject([{ status: 'delivered', attempts_made: 1 }]);
    await target.close();
  });
});
