import type { WebhookEndpoint } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

const URGENT = { 'data.task.priority': { in: ['urgent', 'high'] }, 'data.task.assignee_id': { exists: true } } as const;

describe('an endpoint with a filter', () => {
  let service: WebhooksService;
  let caller: Caller;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const create = (body: object) => service.post(caller, '/webhook_endpoints', { url: 'https://one.example/hooks', ...body });
  const aTask = (task: object) => anEvent(caller, 'task.created', { task });

  it('gets what meets every condition, from the change on', async () => {
    const target = await receiver();
    const { id } = (await create({ url: target.url, filter: URGENT })).json<WebhookEndpoint>();
    const [urgent, nobodys, low] = [
      aTask({ priority: 'urgent', assignee_id: newId('usr') }),
      aTask({ priority: 'urgent', assignee_id: null }),
      aTask({ priority: 'low', assignee_id: newId('usr') }),
    ] as const;
    await service.tell([nobodys, low, urgent]);
    await eventually(() => expect(target.arrivals).toHaveLength(1));
    await service.patch(caller, `/webhook_endpoints/${id}`, { filter: { 'data.task.priority': { equals: 'low' } } });
    const later = aTask({ priority: 'low' });
    await service.tell([aTask({ priority: 'high', assignee_id: newId('usr') }), later]);
    await eventually(() => expect(target.arrivals).toHaveLength(2));
    expect(target.arrivals.map(({ headers }) => [headers['webhook-id'], headers['webhook-sequence']])).toEqual([
      [urgent.id, '1'],
      [later.id, '2'],
    ]);
    await target.close();
  });

  it('shows it, changes it, and takes it away', async () => {
    const project = newId('prj');
    const created = await create({ filter: URGENT, projects: [project] });
    expect(created.json()).toMatchObject({ filter: URGENT, projects: [project] });
    const { id } = created.json<WebhookEndpoint>();
    expect((await service.get(caller, `/webhook_endpoints/${id}`)).body).toBe(created.body.replace(/"secret":"[^"]+"/, '"secret":null'));
    const same = { filter: Object.fromEntries(Object.entries(URGENT).reverse()), projects: [project] };
    expect((await service.patch(caller, `/webhook_endpoints/${id}`, same)).json()).toMatchObject({ version: 1 });
    const bare = await service.patch(caller, `/webhook_endpoints/${id}`, { filter: {}, projects: [] });
    expect(bare.json()).toMatchObject({ version: 2, filter: {}, projects: [] });
    expect((await service.get(caller, `/webhook_endpoints/${id}`)).body).toBe(bare.body);
  });

  const REFUSED: [what: string, body: object, pointers: string[]][] = [
    ['an operator that does not exist', { filter: { 'data.a': { like: 'x' } } }, ['/filter/data.a/like']],
    ['no operator, or two', { filter: { 'data.a': {}, 'data.b': { equals: 1, exists: true } } }, ['/filter/data.a', '/filter/data.b']],
    ['an empty path, and one of nothing', { filter: { '': { exists: true }, nothing: { exists: true } } }, ['/filter/', '/filter/nothing']],
    ['values that hold others', { filter: { id: { equals: {} }, type: { in: [[]] } } }, ['/filter/id/equals', '/filter/type/in/0']],
    ['an empty list', { filter: { id: { in: [] } } }, ['/filter/id/in']],
    ['a text without end', { filter: { id: { equals: 'x'.repeat(201) } } }, ['/filter/id/equals']],
    ['what is no text', { filter: { 'data.\ud800': { equals: 'a\0' } } }, ['/filter/data.\ufffd', '/filter/data.\ufffd/equals']],
    ['the name of a prototype', { filter: JSON.parse('{"data.__proto__.x":{"exists":true}}') as object }, ['/filter/data.__proto__.x']],
    ['too many', { filter: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`data.a${n}`, { exists: true }])) }, ['/filter']],
    ['no object', { filter: ['data.a'] }, ['/filter']],
    ['ids of something else', { projects: [newId('tsk')] }, ['/projects/0']],
  ];

  it.each(REFUSED)('is refused with %s, by pointer, on create and on change', async (_, body, pointers) => {
    const { id } = (await create({})).json<WebhookEndpoint>();
    for (const answer of [await create(body), await service.patch(caller, `/webhook_endpoints/${id}`, body)]) {
      expect([answer.statusCode, answer.json<{ errors: { pointer: string }[] }>().errors.map(({ pointer }) => pointer)]).toEqual([
        422,
        pointers,
      ]);
    }
  });
});
