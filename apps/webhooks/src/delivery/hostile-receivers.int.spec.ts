import { createServer, type AddressInfo } from 'node:net';
import { aCaller, eventually } from '@works/platform/testing';
import { receiver } from '../webhooks-service.examples';
import type { AttemptError } from './attempt';
import { Connections } from './connections';
import { HOSTILE_RECEIVERS, startHostile } from './hostile-receivers.examples';
import { Sender } from './sender';
import { aWorker, deliveryDatabase, newEvents } from './workers.examples';

const DEADLINE_MS = 400;

interface AttemptRow {
  status_code: number | null;
  error: AttemptError | null;
  duration_ms: number;
  response_body: string | null;
  timings: { dns: number | null; connect: number | null; first_byte: number | null };
  address: string | null;
}

// Whatever a receiver does, the attempt ends by the deadline, is on record with the stage at which it failed, and its place is free again.
describe('a receiver that', () => {
  let database: Awaited<ReturnType<typeof deliveryDatabase>>;
  let worker: ReturnType<typeof aWorker>;

  beforeAll(async () => {
    database = await deliveryDatabase();
    worker = aWorker(database.workers, { sender: new Sender({ allowPrivateAddresses: true, deadlineMs: DEADLINE_MS }), graceMs: 50 });
    worker.start();
  });
  afterAll(async () => {
    await worker.stop();
    await database.drop();
  });

  const attemptsAt = (endpoint: string, count: number): Promise<AttemptRow[]> =>
    eventually(async () => {
      const { rows } = await database.owner.query<AttemptRow>(
        'select status_code, error, duration_ms, response_body, timings, address from attempts where endpoint_id = $1 and number = 1 order by started_at',
        [endpoint],
      );
      expect(rows).toHaveLength(count);
      return rows;
    });

  it.each(HOSTILE_RECEIVERS)('$does', async (hostile) => {
    const target = await startHostile(hostile);
    const caller = aCaller();
    // One place, two events: that the second is attempted at all shows that the first has freed it.
    const endpoint = await database.endpoint(caller, target.url, { maxInFlight: 1 });
    await worker.fanOut(newEvents(caller, 2));
    for (const attempt of await attemptsAt(endpoint, 2)) {
      expect([attempt.error?.stage ?? null, attempt.status_code]).toEqual([hostile.stage, hostile.status ?? null]);
      if (hostile.code !== undefined) expect(attempt.error!.code).toMatch(hostile.code);
      if (attempt.error !== null) expect([typeof attempt.error.code, attempt.error.detail.length > 0]).toEqual(['string', true]);
      if (hostile.untilDeadline) expect(attempt.duration_ms).toBeGreaterThanOrEqual(DEADLINE_MS - 5);
      expect((attempt.response_body ?? '').length).toBeLessThanOrEqual(4_096);
      expect(attempt.address).toBe('127.0.0.1');
    }
    // What we did not want to read was not read.
    expect(target.sentBytes()).toBeLessThan(20_000_000);
    await database.owner.query(
      `update deliveries set status = 'cancelled', week = works_week(now()), next_attempt_at = null where endpoint_id = $1 and status = 'pending'`,
      [endpoint],
    );
    await target.close();
  });

  it('was hostile once leaves no trace at another', async () => {
    const healthy = await receiver();
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, healthy.url);
    await worker.fanOut(newEvents(caller, 1));
    expect((await attemptsAt(endpoint, 1))[0]).toMatchObject({
      status_code: 200,
      error: null,
      timings: { dns: expect.any(Number), connect: expect.any(Number), first_byte: expect.any(Number) },
    });
    await worker.fanOut(newEvents(caller, 1));
    // The second went over the connection of the first.
    expect((await attemptsAt(endpoint, 2))[1]!.timings.connect).toBeNull();
    await healthy.close();
  });
});

describe('a connection', () => {
  /** Resolves with the status of the answer. */
  const post = (connections: Connections, origin: string): Promise<number> =>
    new Promise((answered, failed) =>
      connections.request(
        { origin, path: '/', method: 'POST' },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_, status) => answered(status),
          onResponseError: (_, error) => failed(error),
        },
      ),
    );

  /** Listens on this machine, and knows whether anybody ever said anything to it. */
  async function listening() {
    let bytes = 0;
    const server = createServer((socket) => socket.on('data', (chunk) => (bytes += chunk.length)).on('error', () => undefined));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    return { port, bytes: () => bytes, close: () => new Promise((closed) => server.close(closed)) };
  }

  // The last line of defence: an answer of the resolver that changed after it was checked, or a literal that no lookup ever sees.
  it.each(['http', 'https'])('over %s that leads inside after all is closed before a byte is said', async (scheme) => {
    const inside = await listening();
    const connections = new Connections(false);
    connections.pin('rebinding.example', [{ address: '127.0.0.1', family: 4 }]);
    for (const host of ['rebinding.example', '127.0.0.1']) {
      await expect(post(connections, `${scheme}://${host}:${inside.port}`)).rejects.toMatchObject({
        name: 'RefusedAddress',
      });
    }
    expect(inside.bytes()).toBe(0);
    await connections.close();
    await inside.close();
  });

  it('goes to no name that was not checked', async () => {
    const connections = new Connections(true);
    await expect(post(connections, 'http://unchecked.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await connections.close();
  });

  it('tries all addresses of a name: where the first does not answer the second may', async () => {
    const target = await receiver();
    const { port } = new URL(target.url);
    const connections = new Connections(true);
    connections.pin('both.example', [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);
    const statusCode = await post(connections, `http://both.example:${port}`);
    expect([statusCode, connections.newestOf(`http://both.example:${port}`)?.address]).toEqual([200, '127.0.0.1']);
    await connections.close();
    await target.close();
  });

  it('takes no heed of proxy variables', async () => {
    const [proxy, target] = [await listening(), await receiver()];
    const before = { ...process.env };
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY'])
      process.env[name] = `http://127.0.0.1:${proxy.port}`;
    const connections = new Connections(true);
    try {
      const statusCode = await post(connections, new URL(target.url).origin);
      expect([statusCode, proxy.bytes()]).toEqual([200, 0]);
    } finally {
      process.env = before;
      await connections.close();
      await Promise.all([proxy.close(), target.close()]);
    }
  });
});
