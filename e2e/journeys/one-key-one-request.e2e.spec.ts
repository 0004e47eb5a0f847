import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { request as send } from 'node:http';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { freePort, Product } from '../support/product';
import type { Reply } from '../support/reply';

const TASK = { title: 'Measure the doors' };
const DUPLICATES = 50;

/** Guarantees that an idempotency key is one request's, whichever service, gateway or process it comes through, and whatever was restarted in between. */
describe('one key, one request', () => {
  let product: Product;
  let second: ChildProcess;
  let secondUrl: string;
  /** One door each: the gateway that the supervisor keeps, and one beside it. */
  let apis: [Api, Api];

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

  const AUTHORIZED = () => ['authorization', `Bearer ${product.organizations[0]!.live_key}`];
  /** Exactly these lines of headers, names and values in turn, and an address that no library has normalised. */
  const lines = (path: string, headers: string[]) =>
    new Promise<{ status: number; text: string }>((done, failed) => {
      const body = JSON.stringify(TASK);
      const { port } = product;
      const all = ['host', `127.0.0.1:${port}`, 'content-length', `${body.length}`, ...headers];
      const request = send({ port, path, method: 'POST', headers: all, agent: false });
      request.on('error', failed).on('response', (response) => {
        let text = '';
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.on('end', () => done({ status: response.statusCode!, text }));
      });
      request.end(body);
    });
  const aProject = () => ({ name: 'Site fit-out', owner_id: 'usr_01J9XW5T9ZQ0V7C2N4R8B6M3KE', reference: randomUUID() });
  const restartGateway = async () => {
    const [old] = product.pidsOf('gateway');
    product.kill('gateway');
    await eventually(() => expect([[], [old]]).not.toContainEqual(product.pidsOf('gateway')));
    await product.ready();
  };
  const said = ({ status, body, headers }: Reply) => [status, body['code'] ?? null, headers.get('idempotent-replayed')];
  const REUSED = [409, 'idempotency_key_reused', null];
  const tasks = async () => (await apis[0].all('/tasks')).length;

  it('a project’s key is refused for a task through another gateway and after a restart, and the project’s retry gets its answer', async () => {
    const [key, project, before] = [randomUUID(), aProject(), await tasks()];
    const made = await apis[0].post('/projects', project, { key });
    expect(made.status).toBe(201);
    expect(said(await apis[1].post('/tasks', TASK, { key }))).toEqual(REUSED);
    await restartGateway();
    for (const api of apis) {
      expect(said(await api.post('/tasks', TASK, { key }))).toEqual(REUSED);
      const retried = await api.post('/projects', project, { key });
      expect([...said(retried), retried.text]).toEqual([201, null, 'true', made.text]);
    }
    expect(await tasks()).toBe(before);
  });

  it('and the other way round', async () => {
    const [key, project] = [randomUUID(), aProject()];
    expect((await apis[1].post('/tasks', TASK, { key })).status).toBe(201);
    await restartGateway();
    expect(said(await apis[0].post('/projects', project, { key }))).toEqual(REUSED);
    expect(said(await apis[0].post('/tasks', TASK, { key }))).toEqual([201, null, 'true']);
    expect(await apis[1].all(`/projects?reference=${project.reference}`)).toEqual([]);
  });

  it('a request that was refused without being remembered leaves the key free, there and back', async () => {
    const key = randomUUID();
    expect((await apis[0].post('/projects', { name: '' }, { key })).status).toBe(422);
    expect((await apis[1].post('/tasks', { title: '' }, { key })).status).toBe(422);
    // The key has been at the projects service before, and has come back.
    const project = aProject();
    expect((await apis[0].post('/projects', project, { key })).status).toBe(201);
    expect(said(await apis[1].post('/projects', project, { key }))).toEqual([201, null, 'true']);
    expect(said(await apis[1].post('/tasks', TASK, { key }))).toEqual(REUSED);
  });

  it('fifty duplicates of two requests over two gateways and two services have one effect', async () => {
    const [key, project, before] = [randomUUID(), aProject(), await tasks()];
    const insist = async (api: Api, path: string, body: object): Promise<Reply> => {
      for (;;) {
        const reply = await api.post(path, body, { key });
        if (reply.status < 500 && reply.body['code'] !== 'idempotency_key_in_use') return reply;
      }
    };
    const replies = await Promise.all(
      Array.from({ length: DUPLICATES }, async (_, index) => {
        const isProject = index % 4 < 2;
        return { isProject, reply: await insist(apis[index % 2]!, isProject ? '/projects' : '/tasks', isProject ? project : TASK) };
      }),
    );
    const projects = (await apis[0].all(`/projects?reference=${project.reference}`)).length;
    expect(projects + ((await tasks()) - before)).toBe(1);
    const winners = replies.filter(({ isProject }) => isProject === (projects === 1));
    const losers = replies.filter(({ isProject }) => isProject !== (projects === 1));
    expect(new Set(winners.map(({ reply }) => `${reply.status} ${reply.body['id']}`)).size).toBe(1);
    expect(winners.filter(({ reply }) => reply.headers.get('idempotent-replayed') === null)).toHaveLength(1);
    for (const { reply } of losers) expect(said(reply)).toEqual(REUSED);
  });

  it('a retry in the spelling of another library is the same request', async () => {
    const key = randomUUID();
    const made = await apis[0].post('/tasks', TASK, { key });
    const again = await lines('/works/v1/%74asks', [...AUTHORIZED(), 'content-type', 'application/json', 'idempotency-key', key]);
    expect([again.status, again.text]).toEqual([201, made.text]);
  });

  it.each([
    ['Idempotency-Key', 'a', 'b'],
    ['Works-Position', 'tasks:1', 'tasks:1'],
    ['Content-Type', 'application/json', 'application/json'],
    ['Authorization', 'Bearer a', 'Bearer b'],
  ])('%s twice is refused by name, and nothing happens', async (name, one, other) => {
    const before = await tasks();
    const others = [...AUTHORIZED(), 'content-type', 'application/json', 'idempotency-key', randomUUID()];
    const at = others.indexOf(name.toLowerCase());
    const answer = await lines('/works/v1/tasks', [...others.toSpliced(at, at < 0 ? 0 : 2), name, one, name.toLowerCase(), other]);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([400, expect.objectContaining({ code: 'invalid_header', header: name })]);
    expect(await tasks()).toBe(before);
  });

  it('If-Match takes a list', async () => {
    const { body } = await apis[0].post('/tasks', TASK);
    const change = (ifMatch: string, title: string) =>
      apis[0].patch(`/tasks/${body['id']}`, { title }, { headers: { 'if-match': ifMatch } });
    expect((await change('W/"7", W/"1"', 'one')).status).toBe(200);
    const refused = await change('W/"7", W/"1"', 'two');
    expect([refused.status, refused.body['current_version']]).toEqual([412, 2]);
    expect((await change('*', 'three')).status).toBe(200);
  });
});
