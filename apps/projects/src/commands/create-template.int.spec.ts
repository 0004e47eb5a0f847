import type { Template } from '@works/contracts/templates';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';

const DUE = { offset: 3, unit: 'business_days', from: 'start' };

describe('POST /templates', () => {
  let service: ProjectsService;
  let caller: ReturnType<typeof aCaller>;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const create = (body: object = {}, { headers = {}, as = caller } = {}) =>
    service.as(as).post('/templates', { key: 'retail_v1', name: 'Retail', milestones: [], ...body }, headers);
  const stored = async () => (await service.query(caller, 'select key, version from template_versions')).length;

  describe('201', () => {
    it('publishes version 1 with the defaults said out loud', async () => {
      const milestones = [{ key: 'survey', name: 'Survey', due: DUE, tasks: [{ key: 'measure', title: 'Measure', due: DUE }] }];
      const roles = [{ key: 'lead', name: 'lead' }];
      const answer = await create({ milestones, roles, variables: [{ key: 'area', type: 'number' }] });
      const template = answer.json<Template>();
      expect(answer.statusCode).toBe(201);
      expect(answer.headers).toMatchObject({
        location: '/templates/retail_v1?version=1',
        etag: 'W/"1"',
        'works-position': expect.stringMatching(/^projects:e[0-9a-f]{7}\.\d+$/),
      });
      expect(template).toEqual({
        id: expect.stringMatching(/^tpl_/),
        object: 'template',
        key: 'retail_v1',
        name: 'Retail',
        version: 1,
        status: 'published',
        counts: { milestones: 1, tasks: 1 },
        calendar: { working_days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'], holidays: [] },
        roles: [{ key: 'lead', name: 'lead', required: true, default: null }],
        variables: [{ key: 'area', type: 'number', required: true }],
        created_at: template.created_at,
        updated_at: template.created_at,
        milestones: [
          {
            ...{ key: 'survey', name: 'Survey', due: DUE, requires_sign_off: false, billing: null },
            tasks: [
              {
                ...{ key: 'measure', title: 'Measure', description: null, role: null, due: DUE, priority: 'normal' },
                ...{ checklist: [], depends_on: [] },
              },
            ],
          },
        ],
      });
    });

    it('answers what GET answers, to the byte', async () => {
      const billing = { items: [{ catalog_item_id: newId('itm'), qty: 1.5 }], due_in_days: 7 };
      const tasks = [{ key: 'b', title: 'B', due: DUE, checklist: [{ key: 'z', title: 'Z' }] }];
      const answer = await create({ milestones: [{ key: 'a', name: 'A', due: DUE, billing, requires_sign_off: true, tasks }] });
      const read = await service.as(caller).get(answer.headers['location']!);
      expect([read.statusCode, read.body, read.headers['etag']]).toEqual([200, answer.body, 'W/"1"']);
    });

    it('is one template for twenty twins, and said again to a retry', async () => {
      const headers = { 'idempotency-key': newId('idem') };
      const answers = await Promise.all(Array.from({ length: 20 }, () => create({}, { headers })));
      expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
      expect((await create({}, { headers })).headers['idempotent-replayed']).toBe('true');
      expect(await stored()).toBe(1);
    });

    it('leaves the key free for other organizations and the other mode', async () => {
      await create();
      expect((await create({}, { as: aCaller() })).statusCode).toBe(201);
      expect((await create({}, { as: { ...caller, livemode: false } })).statusCode).toBe(201);
    });
  });

  describe('409 template_key_taken', () => {
    it('for all but one who ask for a key, also at once', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => create()));
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
      expect((await create()).json().code).toBe('template_key_taken');
      expect(await stored()).toBe(1);
    });

    it('for a key that came with the product', async () => {
      const answer = await create({ key: 'fitout_v2' });
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'template_key_taken']);
    });
  });

  describe('422 validation_failed', () => {
    const refusal = async (body: object) => {
      const answer = await create(body);
      const { code, errors } = answer.json();
      expect(await stored()).toBe(0);
      return [answer.statusCode, code, ...errors.map((error) => `${error.pointer} ${error.code}`)];
    };

    it('names what has the wrong form', async () => {
      expect(await refusal({ key: 'Retail V1', milestones: [{ key: 'a', name: 'A', due: { ...DUE, offset: 4_000 } }] })).toEqual([
        ...[422, 'validation_failed', '/key wrong_format', '/milestones/0/due/offset too_large'],
      ]);
    });

    it('names everything that contradicts itself at once, saying the cycle', async () => {
      const task = (key: string, depends_on: string[], role: string | null = null) => ({
        key,
        title: '{{city}}',
        due: DUE,
        depends_on,
        role,
      });
      const tasks = [task('a', ['b']), task('b', ['a'], 'cook')];
      const milestones = [{ key: 'survey', name: 'Survey', due: { ...DUE, offset: -3 }, tasks }];
      expect(await refusal({ milestones })).toEqual([
        ...[422, 'validation_failed', '/milestones/0/tasks/1/role unknown_key'],
        ...['/milestones/0/tasks/0/title unknown_key', '/milestones/0/tasks/1/title unknown_key'],
        ...['/milestones/0/tasks/0/depends_on/0 cycle', '/milestones/0/due not_computable'],
      ]);
      expect((await create({ milestones })).body).toContain('a → b → a');
    });
  });

  it('403 without the scope, 400 without an Idempotency-Key', async () => {
    expect((await create({}, { as: { ...caller, scopes: ['templates:read'] } })).statusCode).toBe(403);
    expect((await create({}, { headers: { 'idempotency-key': '' } })).statusCode).toBe(400);
  });
});
