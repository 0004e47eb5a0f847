import { once } from 'node:events';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product, type Service } from '../support/product';
import { Receiver } from '../support/receiver';

const CLIENTS = 4;
/** Slow enough that something is in flight whenever a worker is told to end. */
const ANSWER_AFTER_MS = 30;
/** Between two replacements, so that each happens under load. */
const TASKS_BETWEEN = 25;

/** You will never miss an event because a deploy was mid-flight; and as nothing is killed, you get none of them twice. */
describe('a rolling deploy under load', () => {
  let product: Product;
  let receiver: Receiver;
  let api: Api;

  beforeAll(async () => {
    [product, receiver] = await Promise.all([Product.start(), Receiver.listen()]);
    receiver.answerAfterMs = ANSWER_AFTER_MS;
    api = new Api(product.url, product.organizations[0]!.live_key);
    const endpoint = await api.post('/webhook_endpoints', { url: receiver.url, max_in_flight: 16 });
    receiver.secret = endpoint.body['secret'] as string;
  });

  afterAll(async () => {
    await receiver.close();
    await product.stop();
  });

  it('loses nothing and sends nothing twice, though every process is replaced', async () => {
    const second = await product.another('webhooks');
    const accepted: string[] = [];
    let deploying = true;
    const client = async () => {
      while (deploying) {
        const reply = await api.insist('POST', '/tasks', { title: 'Measure the doors' });
        expect(reply.status).toBe(201);
        accepted.push(reply.body['id'] as string);
      }
    };
    const load = Promise.all(Array.from({ length: CLIENTS }, client));
    const moreTasks = async () => {
      const enough = accepted.length + TASKS_BETWEEN;
      await eventually(() => expect(accepted.length).toBeGreaterThanOrEqual(enough));
    };

    // The supervisor starts anew what ends, as a deploy would.
    for (const service of ['webhooks', 'tasks', 'projects', 'gateway'] satisfies Service[]) {
      await moreTasks();
      const [old] = product.pidsOf(service);
      process.kill(old!, 'SIGTERM');
      await eventually(() => expect([[], [old]]).not.toContainEqual(product.pidsOf(service)));
      await product.ready();
    }
    // And now the other worker of two, which leaves the first one's successor alone.
    await moreTasks();
    second.kill('SIGTERM');
    const [code] = (await once(second, 'exit')) as [number];
    expect(code).toBe(0);
    await moreTasks();
    deploying = false;
    await load;

    await eventually(() => expect(receiver.ids().size).toBe(accepted.length));
    expect(receiver.received.map(({ event }) => event.subject).sort()).toEqual([...accepted].sort());
    const sequences = receiver.received.map(({ headers }) => Number(headers['webhook-sequence']));
    expect(sequences.sort((a, b) => a - b)).toEqual(accepted.map((_, index) => index + 1));
    expect(receiver.forged).toEqual([]);
  });
});
