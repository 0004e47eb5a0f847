import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { freePort, Product } from '../support/product';
import type { Reply } from '../support/reply';
import { Stores } from '../support/stores';

const ROUNDS = 10;
/** A request that has not been answered by then waits for something. */
const WAITS_MS = 250;

describe('a key behind two gateways', () => {
  let product: Product;
  let second: ChildProcess;
  let apis: [Api, Api];
  let secondUrl: string;

  beforeAll(async () => {
    product = await Product.start();
    const port = await freePort();
    second = await product.another('gateway', { PORT: String(port) });
    secondUrl = `http://127.0.0.1:${port}/works/v1`;
    const key = product.organizations[0]!.live_key;
    apis = [new Api(product.url, key), new Api(secondUrl, key)];
  });
  afterAll(async () => {
    second.kill('SIGTERM');
    if (second.exitCode === null) await once(second, 'exit');
    await product.stop();
  });

  const write = async (api: Api): Promise<string> => {
    const project = await api.post('/projects', { name: 'Fit out', owner_id: newId('usr'), template: 'fitout_v2' });
    expect(project.status).toBe(201);
    return project.body['id'] as string;
  };
  const tasksOf = (project: string) => `/tasks?project_id=${project}`;
  const countOf = ({ body }: Reply) => (body['data'] as unknown[]).length;

  /** While it runs, no task is scaffolded unless the read itself waits for it. */
  async function whileReactionsWait<Result>(work: (letThem: () => Promise<void>) => Promise<Result>): Promise<Result> {
    const client: Client = await new Stores(product.home).connect('tasks');
    try {
      await client.query('begin; lock table inbox in exclusive mode');
      return await work(async () => void (await client.query('rollback')));
    } finally {
      await client.end();
    }
  }

  /** Reads until a read waits for what was written, which then has to be in its answer. One that knows nothing of it is answered at once, without it. */
  async function readUntilItWaits(api: Api, path: string, letThem: () => Promise<void>): Promise<Reply> {
    const { answer } = await oneThatWaits(() => api.get(path));
    await letThem();
    return answer;
  }

  const oneThatWaits = (send: () => Promise<Reply>) =>
    eventually(async () => {
      const answer = send();
      const early = await Promise.race([answer, delay(WAITS_MS, null)]);
      if (early !== null) throw new Error(`was answered ${early.status} with ${early.text.slice(0, 100)}, and did not wait`);
      return { answer };
    });

  // Guarantees that nothing has to be passed back to read what one wrote.
  it('reads through one what it wrote through the other', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [one, other] = round % 2 === 0 ? apis : [apis[1], apis[0]];
      const read = await whileReactionsWait(async (letThem) => readUntilItWaits(other, tasksOf(await write(one)), letThem));
      expect([read.status, countOf(read)]).toEqual([200, expect.any(Number)]);
      expect(countOf(read)).toBeGreaterThan(0);
    }
  });

  it('reads what it wrote when the gateway was killed and started again', async () => {
    const [old] = product.pidsOf('gateway');
    const read = await whileReactionsWait(async (letThem) => {
      const project = await write(apis[0]);
      product.kill('gateway');
      await eventually(() => expect([[], [old]]).not.toContainEqual(product.pidsOf('gateway')));
      await product.ready();
      return readUntilItWaits(apis[0], tasksOf(project), letThem);
    });
    expect(read.status).toBe(200);
    expect(countOf(read)).toBeGreaterThan(0);
  });

  it('waits at each of them with its changes while its organization is too far ahead, and others and reads do not', async () => {
    const { id, test_key: testKey } = product.organizations[0]!;
    const client = await new Stores(product.home).connect('tasks');
    const task = { title: 'Measure the doors' };
    try {
      // Facts that no relay will ever find.
      await client.query(
        'insert into outbox (position, organization_id, livemode) select 4e18::bigint + n, $1, true from generate_series(1, 1001) n',
        [id],
      );
      const waiting = await Promise.all(apis.map((api) => oneThatWaits(() => api.post('/tasks', task))));
      for (const url of [product.url, secondUrl]) expect((await new Api(url, testKey).post('/tasks', task)).status).toBe(201);
      for (const api of apis) expect((await api.get('/webhook_endpoints')).status).toBe(200);
      const undecided = await Promise.race([...waiting.map(({ answer }) => answer), Promise.resolve(null)]);
      expect(undecided).toBeNull();
      await client.query('delete from outbox where position > 4e18::bigint');
      for (const { answer } of waiting) expect((await answer).status).toBe(201);
    } finally {
      await client.query('delete from outbox where position > 4e18::bigint');
      await client.end();
    }
  });
});
