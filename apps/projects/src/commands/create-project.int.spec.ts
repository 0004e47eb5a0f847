import type { Milestone, PlannedMilestone } from '@works/contracts/milestones';
import type { PlannedProject, Project } from '@works/contracts/projects';
import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';

describe('POST /projects', () => {
  let service: ProjectsService;
  let caller: ReturnType<typeof aCaller>;
  const owner = newId('usr');

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller({ timeZone: 'Asia/Kolkata' });
  });
  afterAll(() => service.stop());

  const create = (body: object = {}, { headers = {}, query = '', as = caller } = {}) =>
    service.as(as).post(`/projects${query}`, { name: 'Site fit-out', owner_id: owner, ...body }, headers);
  const today = (zone: string) => new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(new Date());
  const fitout = { template: 'fitout_v2', starts_on: '2026-11-23' };
  const stored = async () => {
    const [row] = await service.query<Record<'projects' | 'milestones' | 'tasks' | 'events', number>>(
      caller,
      `select (select count(*)::int from projects) as projects, (select count(*)::int from milestones) as milestones,
              (select count(*)::int from project_tasks) as tasks, (select count(*)::int from events) as events`,
    );
    return row!;
  };

  describe('201', () => {
    it('opens an empty project with the defaults said out loud', async () => {
      const answer = await create();
      const project = answer.json<PlannedProject>();
      expect(answer.statusCode).toBe(201);
      expect(answer.headers).toMatchObject({
        location: `/projects/${project.id}`,
        etag: 'W/"1"',
        'works-position': expect.stringMatching(/^projects:e[0-9a-f]{7}\.\d+$/),
      });
      expect(project).toEqual({
        id: expect.stringMatching(/^prj_/),
        object: 'project',
        name: 'Site fit-out',
        status: 'active',
        outcome: null,
        owner_id: owner,
        deal_id: null,
        contact_id: null,
        reference: null,
        time_zone: 'Asia/Kolkata',
        starts_on: null,
        due_on: null,
        template: null,
        roles: {},
        variables: {},
        metadata: {},
        progress: { milestones: 0, milestones_reached: 0, tasks: 0, tasks_completed: 0, tasks_overdue: 0 },
        closed_at: null,
        created_at: project.created_at,
        updated_at: project.created_at,
        version: 1,
        milestones: [],
      });
    });

    it('answers the whole plan of a template, ids included', async () => {
      const project = (await create({ ...fitout, deal_id: newId('dl') })).json<PlannedProject>();
      expect(project).toMatchObject({
        starts_on: '2026-11-23',
        due_on: '2027-02-13',
        template: { key: 'fitout_v2', version: 1 },
        roles: { lead: owner, designer: owner, liaison: owner, procurement: owner, site_engineer: owner },
        progress: { milestones: 5, milestones_reached: 0, tasks: 24, tasks_completed: 0 },
      });
      const tasks = project.milestones.flatMap((milestone) => milestone.tasks);
      expect(tasks).toHaveLength(24);
      expect(new Set(tasks.map(({ id }) => id)).size).toBe(24);
      const [survey, drawings] = project.milestones[0]!.tasks;
      expect(project.milestones[0]).toMatchObject({
        object: 'milestone',
        project_id: project.id,
        key: 'survey_and_design',
        position: 1,
        status: 'pending',
        sign_off: null,
        progress: { tasks: 5, tasks_completed: 0 },
        billing: { items: [{ catalog_item_id: expect.stringMatching(/^itm_/), qty: 1 }], due_in_days: 7 },
        invoice: null,
        reached_at: null,
        version: 1,
      });
      expect(survey).toEqual({
        id: survey!.id,
        object: 'task',
        project_id: project.id,
        milestone_id: project.milestones[0]!.id,
        key: 'site_survey',
        title: 'Survey the site and record its condition',
        description: null,
        status: 'open',
        assignee_id: owner,
        priority: 'high',
        due_on: '2026-11-25',
        due_at: null,
        time_zone: 'Asia/Kolkata',
        overdue: today('Asia/Kolkata') > '2026-11-25',
        checklist: [
          { key: 'levels', title: 'Floor levels and slab heights', done: false },
          { key: 'services', title: 'Tapping points for power, water and drainage', done: false },
          { key: 'photographs', title: 'Photographs of every wall', done: false },
        ],
        depends_on: [],
        blocked: false,
        metadata: {},
        completed_at: null,
        completed_by: null,
        cancelled_at: null,
        created_at: project.created_at,
        updated_at: project.created_at,
        version: 2,
      } satisfies Task);
      expect(drawings).toMatchObject({ depends_on: [survey!.id], blocked: true });
    });

    it('answers what GET answers, to the byte, project and milestones', async () => {
      const answer = await create({
        ...fitout,
        starts_on: '2020-01-01',
        variables: { site_address: 'Baner, Pune', carpet_area_sqft: 12_000 },
        metadata: { zulu: '1', a: '2', bb: '3' },
      });
      const { milestones, ...project } = answer.json<PlannedProject>();
      const read = await service.as(caller).get(answer.headers['location']!);
      expect(read.body).toBe(JSON.stringify(project));
      expect(read.headers['etag']).toBe('W/"1"');
      expect(project.progress.tasks_overdue).toBe(24);
      const status = (await service.as(caller).get(`${answer.headers['location']}/milestones`)).json<{ data: Milestone[] }>();
      expect(JSON.stringify(status.data)).toBe(JSON.stringify(milestones.map(({ tasks: _, ...milestone }) => milestone)));
    });

    it('tells one event that holds the whole plan; its milestones are told with it', async () => {
      const project = (await create(fitout)).json<PlannedProject>();
      const { milestones, ...opened } = project;
      expect(await service.eventsOf(caller, project.id)).toEqual([
        expect.objectContaining({
          type: 'project.created',
          log_key: project.id,
          public: expect.objectContaining({
            type: 'project.created',
            subject: project.id,
            project_id: project.id,
            data: { project: { ...opened, milestones: milestones.map(planOf) }, previous: {} },
          }),
        }),
      ]);
      for (const milestone of project.milestones) {
        expect(await service.eventsOf(caller, milestone.id)).toEqual([
          { type: 'milestone.added', version: 1, log_key: null, public: null },
        ]);
      }
      expect(await stored()).toEqual({ projects: 1, milestones: 5, tasks: 24, events: 6 });
    });

    it('starts today in the zone of the project, which is the zone of the organization unless one is named', async () => {
      expect((await create({ template: 'fitout_v2' })).json<Project>()).toMatchObject({
        starts_on: today('Asia/Kolkata'),
        time_zone: 'Asia/Kolkata',
      });
      const far = 'Pacific/Kiritimati';
      expect((await create({ template: 'fitout_v2', time_zone: far })).json<Project>()).toMatchObject({
        starts_on: today(far),
        time_zone: far,
      });
    });

    it('plans backward from a due date', async () => {
      expect((await create({ template: 'fitout_v2', due_on: '2027-02-13' })).json<Project>()).toMatchObject({
        starts_on: '2026-11-23',
        due_on: '2027-02-13',
      });
    });

    it('gives each role its tasks', async () => {
      const designer = newId('usr');
      const project = (await create({ ...fitout, roles: { designer } })).json<PlannedProject>();
      expect(project.roles).toMatchObject({ designer, lead: owner });
      expect(project.milestones[0]!.tasks.map(({ assignee_id }) => assignee_id)).toEqual([owner, designer, designer, designer, owner]);
    });

    it('is one project for fifty twins', async () => {
      const headers = { 'idempotency-key': newId('idem') };
      const answers = await Promise.all(Array.from({ length: 50 }, () => create({ ...fitout, reference: 'PO-1' }, { headers })));
      expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
      expect(await stored()).toEqual({ projects: 1, milestones: 5, tasks: 24, events: 6 });
    });

    it('is said again to a retry, also after its reference could be refused', async () => {
      const headers = { 'idempotency-key': newId('idem') };
      const first = await create({ reference: 'PO-2' }, { headers });
      const again = await create({ reference: 'PO-2' }, { headers });
      expect([again.statusCode, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    });
  });

  describe('200 dry_run', () => {
    it('answers the same plan and writes nothing', async () => {
      const headers = { 'idempotency-key': newId('idem') };
      const dry = await create(fitout, { query: '?dry_run=true', headers });
      expect(dry.statusCode).toBe(200);
      expect(await stored()).toEqual({ projects: 0, milestones: 0, tasks: 0, events: 0 });
      const wet = await create(fitout);
      expect(withoutIdsAndTimes(dry.body)).toEqual({ ...(withoutIdsAndTimes(wet.body) as object), dry_run: true });
    });

    it('leaves its key free, and still wants one', async () => {
      const headers = { 'idempotency-key': newId('idem') };
      await create(fitout, { query: '?dry_run=true', headers });
      const wet = await create(fitout, { headers });
      expect([wet.statusCode, wet.headers['idempotent-replayed']]).toEqual([201, undefined]);
      const bare = await create(fitout, { query: '?dry_run=true', headers: { 'idempotency-key': '' } });
      expect([bare.statusCode, bare.json().code]).toEqual([400, 'idempotency_key_missing']);
    });

    it('refuses what the real one would refuse', async () => {
      await create({ reference: 'PO-3' });
      expect((await create({ reference: 'PO-3' }, { query: '?dry_run=true' })).json().code).toBe('reference_taken');
      expect((await create({ template: 'fitout_v9' }, { query: '?dry_run=true' })).json().code).toBe('template_not_found');
    });
  });

  describe('409', () => {
    it('reference_taken names the project that has it', async () => {
      const first = (await create({ reference: 'PO-4' })).json<Project>();
      const second = await create({ reference: 'PO-4', ...fitout });
      expect([second.statusCode, second.json()]).toEqual([409, expect.objectContaining({ code: 'reference_taken', project_id: first.id })]);
      expect(await stored()).toMatchObject({ projects: 1, tasks: 0 });
    });

    it('reference_taken is for the same organization and mode only', async () => {
      await create({ reference: 'PO-5' });
      expect((await create({ reference: 'PO-5' }, { as: aCaller() })).statusCode).toBe(201);
      expect((await create({ reference: 'PO-5' }, { as: { ...caller, livemode: false } })).statusCode).toBe(201);
    });

    it('one of ten that ask for a reference at once gets it', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => create({ reference: 'PO-6', ...fitout })));
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
      expect(await stored()).toMatchObject({ projects: 1, milestones: 5 });
    });

    // Whoever is refused is told by whom: a reference that was given up in that very moment is taken, not refused because of nobody.
    it('reference_taken names a project also when the reference goes from hand to hand', async () => {
      for (let round = 0; round < 30; round++) {
        const reference = `PO-7-${round}`;
        const { id } = (await create({ reference })).json<Project>();
        const free = service.as(caller).patch(`/projects/${id}`, { reference: null });
        const answers = await Promise.all([...Array.from({ length: 4 }, () => create({ reference })), free]);
        const freed = answers.pop()!;
        expect(freed.statusCode).toBe(200);
        const refused = answers.filter(({ statusCode }) => statusCode !== 201);
        expect(refused.length).toBeGreaterThanOrEqual(3);
        for (const answer of refused)
          expect(answer.json()).toMatchObject({ code: 'reference_taken', project_id: expect.stringMatching(/^prj_/) });
      }
    });

    it('idempotency_key_reused for another body under the same key', async () => {
      const headers = { 'idempotency-key': newId('idem') };
      await create({ name: 'One' }, { headers });
      const other = await create({ name: 'Two' }, { headers });
      expect([other.statusCode, other.json().code]).toEqual([409, 'idempotency_key_reused']);
    });
  });

  describe('422', () => {
    const refusal = async (body: object) => {
      const answer = await create(body);
      const { code, errors } = answer.json();
      expect(await stored()).toMatchObject({ projects: 0, events: 0 });
      return [answer.statusCode, code, ...errors.map((error) => `${error.pointer} ${error.code}`)];
    };

    it.each<[string, object, string[]]>([
      ['a name that is too long', { name: 'x'.repeat(201) }, ['/name too_long']],
      ['ids of other types', { owner_id: newId('prj'), deal_id: newId('usr') }, ['/deal_id wrong_id_type', '/owner_id wrong_id_type']],
      ['two anchors', { starts_on: '2026-11-23', due_on: '2027-11-23' }, ['/due_on not_allowed']],
      ['a date out of our time', { starts_on: '1999-12-31' }, ['/starts_on out_of_range']],
      [
        'what only a template can use',
        { template_version: 1, variables: { a: 1 }, roles: { lead: owner } },
        ['/template_version not_allowed', '/roles not_allowed', '/variables not_allowed'],
      ],
      [
        'an unknown role and variable',
        { ...fitout, roles: { cook: owner }, variables: { area: 1 } },
        ['/roles/cook unknown_field', '/variables/area unknown_field'],
      ],
      ['a variable of another type', { ...fitout, variables: { carpet_area_sqft: 'big' } }, ['/variables/carpet_area_sqft wrong_type']],
      ['an unknown field', { budget: 1 }, ['/budget unknown_field']],
    ])('validation_failed names %s', async (_, body, expected) =>
      expect(await refusal(body)).toEqual([422, 'validation_failed', ...expected]),
    );

    it('template_not_found names what is not there', async () => {
      expect(await refusal({ template: 'fitout_v9' })).toEqual([422, 'template_not_found', '/template template_not_found']);
      expect(await refusal({ template: 'fitout_v2', template_version: 9 })).toEqual([
        422,
        'template_not_found',
        '/template_version template_not_found',
      ]);
    });
  });

  it('400 without an Idempotency-Key', async () => {
    const answer = await create({}, { headers: { 'idempotency-key': '' } });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'idempotency_key_missing']);
  });

  it('403 without the scope', async () => {
    expect((await create({}, { as: { ...caller, scopes: ['projects:read'] } })).statusCode).toBe(403);
  });
});

/** What the event says of a milestone: not what follows from the project. */
const planOf = ({ id, key, name, position, due_on, requires_sign_off, billing, tasks }: PlannedMilestone) => ({
  ...{ id, key, name, position, due_on, requires_sign_off, billing },
  tasks: tasks.map((task) => ({
    ...{ id: task.id, key: task.key, title: task.title, description: task.description, assignee_id: task.assignee_id },
    ...{ priority: task.priority, due_on: task.due_on, depends_on: task.depends_on },
    checklist: task.checklist.map((item) => ({ key: item.key, title: item.title })),
  })),
});

/** Ids become the order in which they appear, instants become one. */
function withoutIdsAndTimes(body: string): unknown {
  const seen: string[] = [];
  const anonymous = body.replaceAll(/\b(prj|mst|tsk)_[0-9A-Z]{26}/g, (id) => {
    if (!seen.includes(id)) seen.push(id);
    return `${id.slice(0, 3)}_${seen.indexOf(id)}`;
  });
  return JSON.parse(anonymous.replaceAll(/"(created_at|updated_at)":"[^"]*"/g, '"$1":"then"'));
}
