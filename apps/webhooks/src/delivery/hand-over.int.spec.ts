import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { receiver } from '../webhooks-service.examples';
import type { Leased } from './attempt';
import { fanOut } from './fan-out';
import { claimDueDeliveries, recordAndHandOver, type Result } from './statements';
import { anOutcome, aWorker, deliveryDatabase, newEvents, takingNothing } from './workers.examples';

describe('places that change hands when results are recorded', () => {
  let database: Awaited<ReturnType<typeof deliveryDatabase>>;
  const caller = aCaller();

  beforeEach(async () => {
    database = await deliveryDatabase();
  });
  afterEach(() => database.drop());

  const lease = (organizationMax = 96) => ({ leaseToken: newId('wrk'), leaseSeconds: 30, organizationMax });
  const wait = (count: number) => fanOut(database.workers, newEvents(caller, count), takingNothing());
  const claim = async (places: { first?: number; retries?: number } = {}): Promise<Leased[]> =>
    (await claimDueDeliveries(database.workers, { ...lease(), first: 100, retries: 0, replays: 0, ...places })).leased;
  const resultOf = (leased: Leased, status: 'delivered' | 'pending' = 'delivered'): Result => ({
    attemptId: newId('att'),
    leased,
    number: leased.attemptsMade + 1,
    outcome: anOutcome(status === 'delivered' ? 200 : 500),
    status,
    nextAttemptAt: status === 'delivered' ? null : new Date(),
  });
  const recordAll = async (results: readonly Result[], organizationMax = 96): Promise<Leased[]> =>
    (await recordAndHandOver(database.workers, results, 3_600, lease(organizationMax))).handedOver;
  const delivered = (leased: readonly Leased[], organizationMax?: number) =>
    recordAll(
      leased.map((each) => resultOf(each)),
      organizationMax,
    );
  const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const sequences = (leased: readonly Leased[]) => leased.map(({ sequence }) => Number(sequence));

  it('go to what waits for the same endpoint, in its order', async () => {
    await database.endpoint(caller, 'https://small.example/', { maxInFlight: 3 });
    await wait(8);
    const first = await claim();
    expect(sequences(first)).toEqual([1, 2, 3]);
    const second = await delivered(first.slice(0, 2));
    expect(sequences(second)).toEqual([4, 5]);
    expect(await claim()).toEqual([]);
    const third = await delivered([...first.slice(2), ...second]);
    expect(sequences(third)).toEqual([6, 7, 8]);
    expect(third.every(({ lane, attemptsMade, body }) => lane === 'first' && attemptsMade === 0 && body.includes('evt_'))).toBe(true);
    expect(await delivered(third)).toEqual([]);
  });

  // The count of what is leased is right at every moment, so whoever counts meanwhile needs no lock against this.
  it('never make more than the endpoint may have, whoever claims at the same time', async () => {
    const endpoint = await database.endpoint(caller, 'https://small.example/', { maxInFlight: 3 });
    await wait(60);
    let leased = await claim();
    for (let round = 0; round < 8; round++) {
      const [handedOver, ...claimed] = await Promise.all([delivered(leased), claim(), claim(), claim()]);
      leased = [...handedOver, ...claimed.flat()];
      expect(leased.length).toBeLessThanOrEqual(3);
      expect((await database.deliveries(endpoint)).filter(({ lease_token: token }) => token !== null)).toHaveLength(leased.length);
    }
  });

  // PostgreSQL looks at a row again that has changed since it was chosen. Where the same statement finds bodies in the partitions of event_log, that ends
  // in a crash of the whole server (seen with 18.4): choosing and finding are statements of their own.
  it('go to what another has not taken in between, with its body', async () => {
    const endpoint = await database.endpoint(caller, 'https://small.example/', { maxInFlight: 60 });
    await wait(60);
    await database.owner.query(`
      create function stop_here() returns boolean language plpgsql as 'begin perform pg_advisory_xact_lock_shared(1); return true; end';
      create policy stop_here on webhook_endpoints as restrictive for select to works_worker using (stop_here())`);
    const another = await database.owner.connect();
    await another.query('select pg_advisory_lock(1)');
    const handedOver = database.workers.query<{ sequence: string; event_id: string; body: string }>(
      `select * from works_hand_over('{${endpoint}}', '{60}', 'ours', 30, 960)`,
    );
    await eventually(async () =>
      expect((await another.query(`select from pg_locks where locktype = 'advisory' and not granted`)).rowCount).toBe(1),
    );
    await another.query(`update deliveries_pending set lease_token = 'of another' where endpoint_id = $1 and sequence in (1, 30)`, [
      endpoint,
    ]);
    await another.query('select pg_advisory_unlock(1)');
    another.release();
    const { rows } = await handedOver;
    expect(rows.map(({ sequence }) => Number(sequence))).toEqual([...range(2, 29), ...range(31, 60)]);
    expect(rows.map(({ body }) => (JSON.parse(body) as { id: string }).id)).toEqual(rows.map((row) => row.event_id));
  });

  it('are fewer when the endpoint may have fewer by now', async () => {
    const endpoint = await database.endpoint(caller, 'https://small.example/', { maxInFlight: 4 });
    await wait(10);
    const leased = await claim();
    await database.owner.query('update webhook_endpoints set max_in_flight = 2 where id = $1', [endpoint]);
    expect(await delivered(leased.slice(0, 2))).toEqual([]);
    expect(await delivered(leased.slice(2))).toHaveLength(2);
  });

  it.each([
    ['of an endpoint that has been disabled', "status = 'disabled', disabled_reason = 'for a spec'"],
    ['of an endpoint whose breaker is open', 'breaker_opened_at = now()'],
    ['of an endpoint with a rate', 'rate_limit_per_second = 100'],
    ['of an endpoint that has been deleted', 'deleted_at = now()'],
  ])('are left to a claim: those %s', async (_which, change) => {
    const endpoint = await database.endpoint(caller, 'https://small.example/', { maxInFlight: 2 });
    await wait(6);
    const leased = await claim();
    await database.owner.query(`update webhook_endpoints set ${change} where id = $1`, [endpoint]);
    expect(await delivered(leased)).toEqual([]);
  });

  it('are left to a claim while a retry of the endpoint is due: it has waited for longer', async () => {
    await database.endpoint(caller, 'https://small.example/', { maxInFlight: 2 });
    await wait(6);
    const [one, two] = await claim();
    expect(await recordAll([resultOf(one!, 'pending')])).toEqual([]);
    expect(await delivered([two!])).toEqual([]);
    const retry = await claim({ first: 0, retries: 10 });
    expect(sequences(retry)).toEqual([1]);
  });

  it('are left to a claim where an organization has more than half of what it may have', async () => {
    await database.endpoint(caller, 'https://small.example/', { maxInFlight: 4 });
    await database.endpoint(caller, 'https://other.example/', { maxInFlight: 4 });
    await wait(20);
    const leased = await claim();
    expect(leased).toHaveLength(8);
    expect(await delivered(leased.slice(0, 1), 10)).toEqual([]);
    expect(await delivered(leased.slice(1, 2), 12)).toHaveLength(1);
  });

  it('keep a worker going through all that waits', async () => {
    const arrivals = await receiver();
    const endpoint = await database.endpoint(caller, arrivals.url, { maxInFlight: 2 });
    await wait(20);
    const worker = aWorker(database.workers);
    worker.start();
    await eventually(async () =>
      expect((await database.deliveries(endpoint)).map(({ status }) => status)).toEqual(Array(20).fill('delivered')),
    );
    expect(new Set(arrivals.arrivals.map(({ headers }) => headers['webhook-id'])).size).toBe(20);
    expect(arrivals.arrivals).toHaveLength(20);
    await worker.stop();
    await arrivals.close();
  });
});
