import type { Milestone } from '@works/contracts/milestones';
import type { PlannedProject } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { news, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

describe('POST /projects/{id}/milestones', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aProject = async (body: object = {}) =>
    (await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), ...body })).json<PlannedProject>();
  const add = (id: string, body: object = {}, headers: Record<string, string> = {}) =>
    service.as(caller).post(`/projects/${id}/milestones`, { name: 'Snagging', ...body }, headers);
  const statusOf = async (id: string) => (await service.as(caller).get(`/projects/${id}/milestones`)).json<{ data: Milestone[] }>().data;

  describe('201', () => {
    it('adds it at the end with the defaults said out loud, as GET then answers to the byte', async () => {
      const { id } = await aProject({ template: 'fitout_v2' });
      const answer = await add(id);
      const milestone = answer.json<Milestone>();
      expect([answer.statusCode, answer.headers['location'], answer.headers['etag']]).toEqual([
        201,
        `/milestones/${milestone.id}`,
        'W/"1"',
      ]);
      expect(milestone).toEqual({
        id: expect.stringMatching(/^mst_/),
        object: 'milestone',
        project_id: id,
        key: null,
        name: 'Snagging',
        position: 6,
        due_on: null,
        status: 'pending',
        requires_sign_off: false,
        sign_off: null,
        progress: { tasks: 0, tasks_completed: 0 },
        blocked_by: [],
        billing: null,
        invoice: null,
        reached_at: null,
        created_at: milestone.created_at,
        updated_at: milestone.created_at,
        version: 1,
      });
      expect((await service.as(caller).get(`/milestones/${milestone.id}`)).body).toBe(answer.body);
      expect(JSON.stringify((await statusOf(id))[5])).toBe(answer.body);
    });

    it('tells everybody of it, since no project.created has', async () => {
      const { id } = await aProject();
      const billing = { items: [{ catalog_item_id: newId('itm'), qty: 1.5 }], due_in_days: 7 };
      const milestone = (await add(id, { key: 'snagging', due_on: '2027-01-31', requires_sign_off: true, billing })).json<Milestone>();
      expect(milestone).toMatchObject({ key: 'snagging', billing, blocked_by: [{ kind: 'sign_off' }] });
      expect(await service.eventsOf(caller, milestone.id)).toEqual([
        expect.objectContaining({
          type: 'milestone.added',
          log_key: id,
          public: expect.objectContaining({
            type: 'milestone.added',
            subject: milestone.id,
            project_id: id,
            data: { milestone, previous: {} },
          }),
        }),
      ]);
    });

    it('makes room between the others, and each of those tells so', async () => {
      const planned = await aProject({ template: 'fitout_v2' });
      const added = (await add(planned.id, { position: 4 })).json<Milestone>();
      const [a, b, c, d, e] = planned.milestones.map(({ id }) => id);
      const list = await statusOf(planned.id);
      expect(list.map(({ id }) => id)).toEqual([a, b, c, added.id, d, e]);
      expect(list.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
      expect((await service.eventsOf(caller, e!)).at(-1)).toMatchObject({
        type: 'milestone.updated',
        public: { data: { milestone: list[5], previous: { position: 5 } } },
      });
      expect(await service.eventsOf(caller, c!)).toHaveLength(1);
    });

    it('takes tasks, and is reached with the last of them', async () => {
      const planned = await aProject({ template: 'fitout_v2' });
      const added = (await add(planned.id)).json<Milestone>();
      const task = { ...tasksOf(planned)[0]!, id: newId('tsk'), milestone_id: added.id, version: 1 };
      await service.hear(news(caller, task, 'open', { version: 1 }));
      await service.hear(news(caller, task, 'completed'));
      expect((await statusOf(planned.id))[5]).toMatchObject({ status: 'reached', progress: { tasks: 1, tasks_completed: 1 } });
    });

    // No aggregate owns the order; the database must not give one place twice, nor leave one out.
    it('leaves no gap and no place given twice when thirty people add and move at the same moment', async () => {
      const planned = await aProject({ template: 'fitout_v2' });
      const first = planned.milestones[0]!.id;
      const answers = await Promise.all([
        ...Array.from({ length: 26 }, (_, n) => add(planned.id, { name: `New ${n}` })),
        ...[2, 3].map((position) => add(planned.id, { position })),
        ...[3, 5].map((position) => service.as(caller).patch(`/milestones/${first}`, { position })),
      ]);
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([...Array<number>(28).fill(201), 200, 200]);
      expect((await statusOf(planned.id)).map(({ position }) => position)).toEqual(Array.from({ length: 33 }, (_, n) => n + 1));
    });
  });

  describe('409', () => {
    it('project_closed once the project is closed', async () => {
      const { id } = await aProject();
      await service.as(caller).post(`/projects/${id}/close`, { outcome: 'cancelled' });
      const answer = await add(id);
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'project_closed']);
    });

    it('too_many_milestones for the thousand and first', async () => {
      const { id } = await aProject();
      await add(id);
      await service.write(
        caller,
        `select works_store_documents(m.organization_id, m.livemode, array_agg(m.organization_id), array_agg(m.livemode), array_agg('milestones'::text),
                  array_agg('mst_' || n), array_agg(1), array_agg((m.state || jsonb_build_object('id', 'mst_' || n, 'position', n))::text))
           from milestones m cross join generate_series(2, 1000) n where m.project_id = $1 group by m.organization_id, m.livemode`,
        [id],
      );
      const answer = await add(id);
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'too_many_milestones']);
    });
  });

  it.each<[string, object, string]>([
    ['a place that would leave a gap', { position: 3 }, '/position too_large'],
    ['a key that another one has', { key: 'taken' }, '/key duplicate'],
    ['no name', { name: '' }, '/name too_short'],
    [
      'billing of nothing known',
      { billing: { items: [{ catalog_item_id: newId('usr'), qty: 1 }], due_in_days: 1 } },
      '/billing/items/0/catalog_item_id wrong_id_type',
    ],
  ])('422 for %s', async (_, body, error) => {
    const { id } = await aProject();
    await add(id, { key: 'taken' });
    const answer = await add(id, body);
    expect([answer.statusCode, ...answer.json().errors.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([422, error]);
    expect(await statusOf(id)).toHaveLength(1);
  });

  // Guarantees that a stranger cannot learn whether a project exists: the same bytes as for an id that never was.
  it("404 for another organization's project and another mode's, and for their milestones", async () => {
    const { id } = await aProject();
    const milestone = (await add(id)).json<Milestone>();
    const strangers = [aCaller(), { ...caller, livemode: !caller.livemode }];
    const refusal = async (as: typeof caller, of: string) => {
      const answer = await service.as(as).post(`/projects/${of}/milestones`, { name: 'Mine' }, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('prj'));
    expect(never[0]).toBe(404);
    for (const stranger of strangers) {
      expect(await refusal(stranger, id)).toEqual(never);
      expect((await service.as(stranger).get(`/milestones/${milestone.id}`)).statusCode).toBe(404);
    }
  });

  it('403 without the scope', async () => {
    const { id } = await aProject();
    const reader = { ...caller, scopes: ['projects:read'] };
    expect((await service.as(reader).post(`/projects/${id}/milestones`, { name: 'Mine' })).statusCode).toBe(403);
  });
});
