import type { PlannedProject } from '@works/contracts/projects';
import type { Template, TemplateSummary } from '@works/contracts/templates';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';

describe('POST /templates/{key}/versions', () => {
  let service: ProjectsService;
  let caller: ReturnType<typeof aCaller>;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const bodyOf = (name: string) => ({ name, milestones: [{ key: 'only', name, due: { offset: 1, unit: 'days', from: 'start' } }] });
  const create = (key = 'retail_v1') => service.as(caller).post('/templates', { key, ...bodyOf('First') });
  const publish = (name: string, { key = 'retail_v1', headers = {}, as = caller } = {}) =>
    service.as(as).post(`/templates/${key}/versions`, bodyOf(name), headers);
  const get = async (path: string, as = caller) => service.as(as).get(`/templates/${path}`);
  const open = (body: object) => service.as(caller).post('/projects', { name: 'Shop', owner_id: newId('usr'), ...body });

  it('201 publishes the next version; the one before stays as it was', async () => {
    const first = (await create()).json<Template>();
    const answer = await publish('Second');
    const second = answer.json<Template>();
    expect([answer.statusCode, answer.headers['location'], answer.headers['etag']]).toEqual([
      ...[201, '/templates/retail_v1?version=2', 'W/"2"'],
    ]);
    expect(second).toMatchObject({ id: first.id, version: 2, name: 'Second', created_at: first.created_at });
    expect((await get('retail_v1')).json()).toEqual(second);
    expect((await get('retail_v1?version=1')).json()).toEqual(first);
    expect((await get('retail_v1?version=3')).statusCode).toBe(404);
  });

  it('201 goes on from what came with the product, whose versions stay', async () => {
    const builtIn = (await get('fitout_v2')).json<Template>();
    const second = (await publish('Our fit-out', { key: 'fitout_v2' })).json<Template>();
    expect(second).toMatchObject({ id: builtIn.id, version: 2, name: 'Our fit-out' });
    expect((await get('fitout_v2?version=1')).json()).toEqual(builtIn);
    expect((await get('fitout_v2?version=3')).statusCode).toBe(404);
    const { data } = (await service.as(caller).get('/templates')).json<{ data: TemplateSummary[] }>();
    expect(data.map(({ key, version }) => [key, version])).toEqual([['fitout_v2', 2]]);
  });

  it('201 with consecutive numbers for thirty who publish at once, none lost', async () => {
    await create();
    const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => publish(`Edition ${index}`)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array<number>(30).fill(201));
    const published = answers.map((answer) => answer.json<Template>()).sort((a, b) => a.version - b.version);
    expect(published.map(({ version }) => version)).toEqual(Array.from({ length: 30 }, (_, index) => index + 2));
    for (const template of published) expect((await get(`retail_v1?version=${template.version}`)).json()).toEqual(template);
  });

  it('201 once for a key that is sent again', async () => {
    await create();
    const headers = { 'idempotency-key': newId('idem') };
    const [first, again] = [await publish('Second', { headers }), await publish('Second', { headers })];
    expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
    expect((await get('retail_v1')).json<Template>().version).toBe(2);
  });

  // Projects are pinned: what a project was planned with never changes under it.
  it('projects take the newest unless they say which, and note which', async () => {
    await create();
    await publish('Second');
    const [newest, pinned] = [await open({ template: 'retail_v1' }), await open({ template: 'retail_v1', template_version: 1 })];
    const planned = [newest, pinned].map((answer) => answer.json<PlannedProject>());
    expect(planned.map(({ template, milestones }) => [template!.key, template!.version, milestones[0]!.name])).toEqual([
      ['retail_v1', 2, 'Second'],
      ['retail_v1', 1, 'First'],
    ]);
    const refused = await open({ template: 'retail_v1', template_version: 3 });
    expect([refused.statusCode, refused.json().code, refused.json().errors[0]!.pointer]).toEqual([
      ...[422, 'template_not_found', '/template_version'],
    ]);
  });

  // Guarantees immutability whatever the service's code does: the role it connects with may only add versions.
  it('the database itself lets no version change or vanish', async () => {
    await create();
    const write = (text: string) => service.write(caller, text);
    await expect(write("update template_versions set name = 'Other'")).rejects.toThrow('permission denied');
    await expect(write('delete from template_versions')).rejects.toThrow('permission denied');
    await expect(write('truncate template_versions')).rejects.toThrow('permission denied');
  });

  it('404 for a template that is not there, of another organization, or of the other mode', async () => {
    await create();
    for (const [key, as] of [
      ['retail_v2', caller],
      ['retail_v1', aCaller()],
      ['retail_v1', { ...caller, livemode: false }],
      ['NO%00KEY', caller],
    ] as const) {
      const answers = [await publish('Second', { key, as }), await get(key, as), await get(`${key}?version=1`, as)];
      expect(answers.map(({ statusCode, json }) => [statusCode, json().code])).toEqual(Array(3).fill([404, 'not_found']));
    }
    expect(
      (await service.as(aCaller()).post('/projects', { name: 'Shop', owner_id: newId('usr'), template: 'retail_v1' })).json().code,
    ).toBe('template_not_found');
  });

  it('412 when somebody has published since', async () => {
    await create();
    expect((await publish('Second', { headers: { 'if-match': 'W/"1"' } })).statusCode).toBe(201);
    const late = await publish('Third', { headers: { 'if-match': 'W/"1"' } });
    expect([late.statusCode, late.json().code]).toEqual([412, 'version_conflict']);
  });

  it('422 names every fault, and publishes nothing', async () => {
    await create();
    const due = { offset: -1, unit: 'days', from: 'start' };
    const answer = await service
      .as(caller)
      .post('/templates/retail_v1/versions', { name: 'X', milestones: [{ key: 'a', name: '{{x}}', due }] });
    expect([answer.statusCode, ...answer.json().errors.map(({ pointer }) => pointer)]).toEqual([
      422,
      '/milestones/0/name',
      '/milestones/0/due',
    ]);
    expect((await get('retail_v1')).json<Template>().version).toBe(1);
  });

  it('403 without the scope', async () => {
    expect((await publish('Second', { as: { ...caller, scopes: ['templates:read'] } })).statusCode).toBe(403);
    expect((await get('fitout_v2', { ...caller, scopes: ['templates:write'] })).statusCode).toBe(403);
  });
});
