import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product } from '../support/product';
import { Receiver } from '../support/receiver';

const DAY_MS = 86_400_000;
const dayAhead = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

/** Somebody tries with a test key what happens when a task falls due, on the day of the trial. */
describe('a test clock', () => {
  let product: Product;
  const receivers: Receiver[] = [];
  const asha = newId('usr');
  const taskIds: string[] = [];
  let apis: { test: Api; live: Api };

  beforeAll(async () => {
    product = await Product.start();
    const { test_key, live_key } = product.organizations[0]!;
    apis = { test: new Api(product.url, test_key), live: new Api(product.url, live_key) };
    for (const api of [apis.test, apis.live]) {
      const receiver = await Receiver.listen();
      receivers.push(receiver);
      const endpoint = await api.post('/webhook_endpoints', { url: receiver.url, events: ['task.overdue', 'test_clock.advanced'] });
      receiver.secret = endpoint.body['secret'] as string;
    }
  });
  afterAll(async () => {
    await Promise.all(receivers.map((receiver) => receiver.close()));
    await product.stop();
  });

  const queueOf = async (api: Api) => (await api.get(`/users/${asha}/queue?time_zone=UTC`)).body['counts'] as Record<string, number>;

  it('stands at the real time, and the task is still to come', async () => {
    for (const api of [apis.test, apis.live]) {
      const task = await api.post('/tasks', { title: 'Order the glass', due_on: dayAhead(1), time_zone: 'UTC', assignee_id: asha });
      taskIds.push(task.body['id'] as string);
      expect(await queueOf(api)).toEqual({ overdue: 0, today: 0, upcoming: 1, no_date: 0 });
    }
    expect((await apis.test.get('/test_clock')).body).toMatchObject({ offset_ms: 0, version: 0 });
  });

  it('two days on, the queue shows it as overdue, in every service at once', async () => {
    const advanced = await apis.test.post('/test_clock/advance', { by: 'P2D' });
    expect([advanced.status, advanced.body['offset_ms']]).toEqual([200, 2 * DAY_MS]);
    const project = await apis.test.post('/projects', { name: 'Fit-out', owner_id: asha, template: 'fitout_v2', time_zone: 'UTC' });
    expect(project.body['starts_on']).toBe(dayAhead(2));
    expect((await queueOf(apis.test))['overdue']).toBe(1);
  });

  it('tells the endpoint of test mode once, by a signature of the real time', async () => {
    await eventually(() => expect(receivers[0]!.of('task.overdue')).toHaveLength(1));
    const [overdue] = receivers[0]!.of('task.overdue');
    expect(overdue!.event).toMatchObject({ subject: taskIds[0], data: { task: { overdue: true }, previous: { overdue: false } } });
    expect(receivers[0]!.of('test_clock.advanced')).toHaveLength(1);
    expect(receivers[0]!.forged).toEqual([]);
  });

  it('moves on once more without a second word of the same date', async () => {
    await apis.test.post('/test_clock/advance', { by: 'PT1H' });
    await eventually(() => expect(receivers[0]!.of('test_clock.advanced')).toHaveLength(2));
    const events = await apis.test.all('/events?type=task.overdue');
    expect(events.map((event) => event['subject'] as string)).toEqual([taskIds[0]]);
    expect(receivers[0]!.of('task.overdue')).toHaveLength(1);
  });

  // Guarantees that live mode knows nothing of what is tried, not even that there is something to try.
  it('does not exist in live mode', async () => {
    expect(await queueOf(apis.live)).toEqual({ overdue: 0, today: 0, upcoming: 1, no_date: 0 });
    expect((await apis.live.get(`/tasks/${taskIds[1]!}`)).body['overdue']).toBe(false);
    expect((await apis.live.post('/test_clock/advance', { by: 'P2D' })).body['code']).toBe('test_mode_only');
    expect((await apis.live.get('/test_clock')).body['code']).toBe('test_mode_only');
    expect(receivers[1]!.received).toEqual([]);
  });
});
