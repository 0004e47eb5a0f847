import { randomUUID } from 'node:crypto';
import { eventually } from '@works/platform/testing';
import { newId } from '@works/platform/ids';
import { Api } from '../support/api';
import type { Reply } from '../support/reply';
import { Product, type Log } from '../support/product';
import { Receiver } from '../support/receiver';

/** What a newcomer does with the README in hand, on each of the two event logs. */
describe.each<Log>(['embedded', 'kafka'])('a won deal becomes a delivered project (%s log)', (log) => {
  let product: Product;
  let receiver: Receiver;
  let api: Api;
  const owner = newId('usr');
  const key = `9f2c-4d1a-${randomUUID()}-e7b3`;
  const seed = `{ "deal_id": "${newId('dl')}", "name": "Site fit-out", "owner_id": "${owner}", "template": "fitout_v2" }`;
  let created: Reply;

  beforeAll(async () => {
    [product, receiver] = await Promise.all([Product.start(log), Receiver.listen()]);
    api = new Api(product.url, product.organizations[0]!.live_key);
  });

  afterAll(async () => {
    await receiver.close();
    await product.stop();
  });

  it('registers an endpoint and shows its secret once', async () => {
    const endpoint = await api.post('/webhook_endpoints', { url: receiver.url });
    expect(endpoint.status).toBe(201);
    expect(endpoint.body['secret']).toMatch(/^whsec_/);
    receiver.secret = endpoint.body['secret'] as string;
    const again = await api.get(`/webhook_endpoints/${endpoint.body['id'] as string}`);
    expect(again.body['secret']).toBeNull();
  });

  it('takes the call of the public page, byte for byte, and answers the whole tree', async () => {
    created = await api.post('/projects', undefined, { key, raw: seed });
    expect(created.status).toBe(201);
    const milestones = created.body['milestones'] as { tasks: { id: string }[] }[];
    expect(milestones).toHaveLength(5);
    expect(milestones.flatMap(({ tasks }) => tasks)).toHaveLength(24);
    expect(created.body).toMatchObject({ owner_id: owner, status: 'active', template: { key: 'fitout_v2', version: 1 } });
  });

  it('has a signed project.created at the endpoint at once, and task.assigned for every assigned task', async () => {
    const [arrival] = await eventually(() => {
      const arrived = receiver.of('project.created');
      expect(arrived).toHaveLength(1);
      return arrived;
    });
    expect(arrival!.event.subject).toBe(created.body['id']);
    await eventually(() => expect(receiver.of('task.assigned')).toHaveLength(24));
    expect(receiver.forged).toEqual([]);
  });

  it('answers the same bytes again, and refuses the key for another request', async () => {
    const again = await api.post('/projects', undefined, { key, raw: seed });
    expect(again.text).toBe(created.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const other = await api.post('/projects', undefined, { key, raw: seed.replace('Site fit-out', 'Another name') });
    expect([other.status, other.body['code']]).toEqual([409, 'idempotency_key_reused']);
  });

  // A client that creates a project and at once reads its tasks sees them, as the answer showed them.
  it('shows what was just written, in every service', async () => {
    const fresh = await api.post('/projects', { name: 'Read your writes', owner_id: newId('usr'), template: 'fitout_v2' });
    const tasks = await api.all(`/tasks?project_id=${fresh.body['id'] as string}`);
    const promised = (fresh.body['milestones'] as { tasks: Record<string, unknown>[] }[]).flatMap((milestone) => milestone.tasks);
    const byId = (a: Record<string, unknown>, b: Record<string, unknown>) => (String(a['id']) < String(b['id']) ? -1 : 1);
    expect(tasks.sort(byId)).toEqual(promised.sort(byId));
    const events = await api.all(`/events?project_id=${fresh.body['id'] as string}`);
    expect(events.map((event) => event['type'] as string)).toContain('project.created');
  });

  it('puts the tasks into the owner’s queue', async () => {
    const queue = await api.get(`/users/${owner}/queue`);
    const { overdue, today, upcoming, no_date } = queue.body['counts'] as Record<string, number>;
    expect(overdue! + today! + upcoming! + no_date!).toBe(24);
  });

  it('completes the first milestone with its last task, once', async () => {
    const [first] = created.body['milestones'] as { id: string; tasks: { id: string }[] }[];
    for (const task of first!.tasks) {
      const completed = await api.post(`/tasks/${task.id}/complete`);
      expect([completed.status, completed.body['status']]).toEqual([200, 'completed']);
    }
    const project = await api.get(`/projects/${created.body['id'] as string}`);
    expect(project.body['progress']).toMatchObject({ tasks_completed: first!.tasks.length });
    await eventually(() => expect(receiver.of('milestone.reached')).toHaveLength(1));
    expect(receiver.of('milestone.reached')[0]!.event.subject).toBe(first!.id);
    await eventually(() => expect(receiver.of('task.completed')).toHaveLength(first!.tasks.length));
    const milestones = await api.get(`/projects/${created.body['id'] as string}/milestones`);
    expect((milestones.body['data'] as { status: string }[]).map(({ status }) => status)).toEqual([
      'reached',
      'pending',
      'pending',
      'pending',
      'pending',
    ]);
  });

  it('closes the project, and the open tasks with it', async () => {
    const id = created.body['id'] as string;
    const refused = await api.post(`/projects/${id}/close`, { outcome: 'delivered' });
    expect([refused.status, refused.body['code']]).toEqual([409, 'project_has_open_work']);
    const closed = await api.post(`/projects/${id}/close`, { outcome: 'delivered', open_tasks: 'cancel' });
    expect([closed.status, closed.body['status'], closed.body['outcome']]).toEqual([200, 'closed', 'delivered']);
    await eventually(() => expect(receiver.of('project.closed')).toHaveLength(1));
    const queue = await api.get(`/users/${owner}/queue`);
    expect(queue.body['counts']).toEqual({ overdue: 0, today: 0, upcoming: 0, no_date: 0 });
  });

  // The log of the organization has no gap, and every event of it reached the endpoint with the same bytes.
  it('has told the endpoint everything, in the very bytes of the event log', async () => {
    await eventually(async () => {
      const events = await api.all('/events');
      expect(events.map((event) => event['position'])).toEqual(events.map((_, index) => index + 1));
      const received = new Map(receiver.received.map(({ id, body }) => [id, body]));
      for (const event of events) expect(JSON.parse(received.get(event['id'] as string) ?? 'null')).toEqual(event);
    });
    expect(receiver.forged).toEqual([]);
  });

  it('stops in order when it is asked to, and the next start finds everything again', async () => {
    const id = created.body['id'] as string;
    const before = await api.get(`/projects/${id}`);
    expect(await product.interrupt()).toEqual({ code: 0, signal: null });
    expect(product.postmaster()).toBeNull();
    await product.restart();
    const after = await api.get(`/projects/${id}`);
    expect(after.text).toBe(before.text);
  });
});
