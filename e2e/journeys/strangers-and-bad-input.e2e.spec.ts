import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { newId } from '@works/platform/ids';
import { Api } from '../support/api';
import type { Reply } from '../support/reply';
import { Product, type Organization } from '../support/product';

describe('what the public door refuses', () => {
  let product: Product;
  let acme: Organization;
  let globex: Organization;
  let api: Api;

  beforeAll(async () => {
    product = await Product.start();
    acme = product.organizations[0]!;
    globex = JSON.parse(await product.works('organizations', 'create', 'Globex', '--json')) as Organization;
    api = new Api(product.url, acme.live_key);
  });

  afterAll(() => product.stop());

  /** The same but for the request id, which differs by design. */
  const comparable = (reply: Reply) => [reply.status, reply.text.replace(/"request_id":"[^"]*"/, '"request_id":""')];

  // Guarantees that a stranger, or the other mode, cannot learn whether an id exists: byte for byte the answer for an id that never was.
  it('hides everything of one tenant from every other', async () => {
    const project = await api.post('/projects', { name: 'Secret', owner_id: newId('usr'), template: 'fitout_v2' });
    const endpoint = await api.post('/webhook_endpoints', { url: 'http://127.0.0.1:9/hooks' });
    const [milestone] = project.body['milestones'] as { id: string; tasks: { id: string }[] }[];
    const events = await api.all('/events');
    const deliveries = await api.all(`/webhook_endpoints/${endpoint.body['id'] as string}/deliveries`);
    const routes: ['GET' | 'POST' | 'DELETE', string, string, unknown?][] = [
      ['GET', '/projects/', project.body['id'] as string],
      ['GET', '/projects/{}/milestones', project.body['id'] as string],
      ['GET', '/projects/{}/timeline', project.body['id'] as string],
      ['POST', '/projects/{}/close', project.body['id'] as string, { outcome: 'cancelled' }],
      ['POST', '/milestones/{}/reach', milestone!.id],
      ['GET', '/tasks/', milestone!.tasks[0]!.id],
      ['POST', '/tasks/{}/complete', milestone!.tasks[0]!.id],
      ['POST', '/tasks/{}/assign', milestone!.tasks[0]!.id, { assignee_id: newId('usr') }],
      ['GET', '/events/', events[0]!['id'] as string],
      ['GET', '/webhook_endpoints/', endpoint.body['id'] as string],
      ['GET', '/webhook_endpoints/{}/deliveries', endpoint.body['id'] as string],
      ['DELETE', '/webhook_endpoints/', endpoint.body['id'] as string],
      ...deliveries.slice(0, 1).map((delivery): ['GET', string, string] => ['GET', '/deliveries/', delivery['id'] as string]),
    ];
    for (const [method, route, id, body] of routes) {
      for (const key of [globex.live_key, globex.test_key, acme.test_key]) {
        const stranger = new Api(product.url, key);
        const ask = (about: string) => {
          const path = route.includes('{}') ? route.replace('{}', about) : route + about;
          return method === 'GET' ? stranger.get(path) : method === 'DELETE' ? stranger.delete(path) : stranger.post(path, body);
        };
        const never = newId(id.slice(0, id.indexOf('_')));
        expect([method, route, ...comparable(await ask(id))]).toEqual([method, route, ...comparable(await ask(never))]);
        expect((await ask(id)).status).toBe(404);
      }
    }
  });

  it('shows no row of a stranger in lists, filters and queues', async () => {
    const owner = newId('usr');
    const project = await api.post('/projects', { name: 'Ours', owner_id: owner, template: 'fitout_v2' });
    const stranger = new Api(product.url, globex.live_key);
    for (const path of [
      '/projects',
      '/tasks',
      `/tasks?project_id=${project.body['id'] as string}`,
      `/tasks?assignee_id=${owner}`,
      '/events',
      '/webhook_endpoints',
    ]) {
      expect((await stranger.get(path)).body['data']).toEqual([]);
    }
    expect((await stranger.get(`/users/${owner}/queue`)).body['counts']).toEqual({ overdue: 0, today: 0, upcoming: 0, no_date: 0 });
  });

  it('answers every unusable key alike', async () => {
    const keys = [
      '',
      'Bearer',
      'sk_live_',
      `${acme.live_key}x`,
      acme.live_key.replace('live', 'test'),
      'Basic abc',
      `sk_live_${'0'.repeat(49)}`,
    ];
    const answers = await Promise.all(
      keys.map(async (key) => {
        const response = await fetch(`${product.url}/projects`, {
          headers: { authorization: key.startsWith('B') ? key : `Bearer ${key}` },
        });
        return [response.status, (await response.text()).replace(/"request_id":"[^"]*"/, '')];
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]![0]).toBe(401);
  });

  const good = () => ({ name: 'Site fit-out', owner_id: newId('usr'), template: 'fitout_v2' });
  const problem = (reply: Reply) => ({
    status: reply.status,
    code: reply.body['code'] as string,
    fields: ((reply.body['errors'] ?? []) as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`).sort(),
  });

  it.each<[string, unknown, string[]]>([
    ['an unknown field', { ...good(), colour: 'red' }, ['/colour unknown_field']],
    ['a wrong id type', { ...good(), owner_id: newId('prj') }, ['/owner_id wrong_id_type']],
    ['a 300-character name', { ...good(), name: 'x'.repeat(300) }, ['/name too_long']],
    ['a NUL byte', { ...good(), name: 'a\0b' }, ['/name not_text']],
    ['a lone surrogate', { ...good(), name: 'a\ud800b' }, ['/name not_text']],
    [
      'all of it at once',
      { name: 7, colour: 'red', owner_id: 'me' },
      ['/colour unknown_field', '/name wrong_type', '/owner_id malformed_id'],
    ],
    ['nothing at all', {}, ['/name required', '/owner_id required']],
  ])('names what is wrong with %s', async (_, body, fields) => {
    expect(problem(await api.post('/projects', body))).toEqual({ status: 422, code: 'validation_failed', fields });
  });

  it('names an unknown template and numbers out of range', async () => {
    expect(problem(await api.post('/projects', { ...good(), template: 'no_such' })).code).toBe('template_not_found');
    expect(problem(await api.get('/tasks?limit=1000'))).toEqual({ status: 422, code: 'validation_failed', fields: ['/limit too_large'] });
  });

  it.each<[string, Parameters<Api['post']>[2], number, string]>([
    ['malformed JSON', { raw: '{ "name": ' }, 400, 'malformed_json'],
    [
      'another content type',
      { raw: 'name=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'unsupported_media_type',
    ],
    ['a missing idempotency key', { key: null }, 400, 'idempotency_key_missing'],
    ['an idempotency key of 256 characters', { key: 'k'.repeat(256) }, 400, 'idempotency_key_invalid'],
    ['a body over a megabyte', { raw: JSON.stringify({ name: 'x'.repeat(1_100_000) }) }, 413, 'body_too_large'],
  ])('refuses %s', async (_, call, status, code) => {
    const reply = await api.post('/projects', good(), call);
    expect([reply.status, reply.body['code']]).toEqual([status, code]);
  });

  it('refuses cursors that are not ours, or of another list', async () => {
    await api.post('/tasks', { title: 'One' });
    await api.post('/tasks', { title: 'Two' });
    const page = await api.get('/tasks?limit=1');
    const cursor = page.body['next_cursor'] as string;
    expect((await api.get('/tasks?cursor=rubbish')).body['code']).toBe('cursor_invalid');
    expect((await api.get(`/tasks?status=open&cursor=${cursor}`)).body['code']).toBe('cursor_mismatch');
    expect((await new Api(product.url, globex.live_key).get(`/tasks?cursor=${cursor}`)).status).toBe(400);
  });

  it('answers unknown addresses and methods with problems', async () => {
    const unknown = await api.get('/nowhere');
    expect([unknown.status, unknown.body['code'], unknown.headers.get('content-type')]).toEqual([
      404,
      'route_not_found',
      expect.stringContaining('application/problem+json'),
    ]);
    const method = await api.delete('/projects');
    expect([method.status, method.body['code'], method.headers.get('allow')]).toEqual([405, 'method_not_allowed', 'GET, POST']);
  });

  it('leaves nothing half-done behind', async () => {
    const before = (await api.all('/projects')).length;
    await api.post('/projects', { ...good(), roles: { no_such_role: newId('usr') } });
    await api.post('/projects', { ...good(), starts_on: '2026-02-30' });
    expect((await api.all('/projects')).length).toBe(before);
  });

  // What HTTP itself cannot read must not take the door down with it.
  it('outlives bytes that are no HTTP', async () => {
    await new Promise<void>((done) => {
      const socket = connect(product.port, '127.0.0.1', () => socket.end('\x16\x03\x01 not http\r\n\r\n'));
      socket
        .on('data', () => undefined)
        .on('close', () => done())
        .on('error', () => done());
    });
    expect((await api.get('/projects')).status).toBe(200);
  });

  it('lets fifty twins create one project, and one of ten bodies through', async () => {
    const key = randomUUID();
    const body = good();
    const twins = await Promise.all(Array.from({ length: 50 }, () => api.post('/projects', body, { key })));
    expect(new Set(twins.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    const events = await api.all(`/events?type=project.created&subject=${twins[0]!.body['id'] as string}`);
    expect(events).toHaveLength(1);
    const other = randomUUID();
    const rivals = await Promise.all(
      Array.from({ length: 10 }, (_, index) => api.post('/projects', { ...body, name: `Rival ${index}` }, { key: other })),
    );
    expect(rivals.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
  });
});
