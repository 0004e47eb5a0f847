import type { PlannedProject, Project } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { completed, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

describe('POST /projects/{id}/close', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aProject = async (body: object = {}) =>
    (await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), ...body })).json<PlannedProject>();
  const aFitout = () => aProject({ template: 'fitout_v2' });
  const close = (id: string, body: object, headers: Record<string, string> = {}) =>
    service.as(caller).post(`/projects/${id}/close`, body, headers);
  const read = async (id: string) => (await service.as(caller).get(`/projects/${id}`)).body;

  async function delivered(project: PlannedProject): Promise<PlannedProject> {
    for (let index = 0; index < project.milestones.length; index++)
      await service.hear(...tasksOf(project, index).map((task) => completed(caller, task)));
    const handover = project.milestones.at(-1)!;
    expect((await service.as(caller).post(`/milestones/${handover.id}/reach`)).statusCode).toBe(200);
    return project;
  }

  describe('200', () => {
    it('closes what is done as delivered, as GET then answers to the byte', async () => {
      const project = await delivered(await aFitout());
      const answer = await close(project.id, { outcome: 'delivered' });
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['etag']).toBe('W/"2"');
      expect(answer.json<Project>()).toMatchObject({
        status: 'closed',
        outcome: 'delivered',
        closed_at: answer.json<Project>().updated_at,
        progress: { milestones: 5, milestones_reached: 5, tasks: 24, tasks_completed: 24, tasks_overdue: 0 },
        version: 2,
      });
      expect(await read(project.id)).toBe(answer.body);
    });

    it('tells everybody that nothing is left to cancel', async () => {
      const project = await aProject();
      const answer = await close(project.id, { outcome: 'delivered' });
      expect((await service.eventsOf(caller, project.id)).at(-1)).toMatchObject({
        type: 'project.closed',
        log_key: project.id,
        public: {
          type: 'project.closed',
          data: { project: answer.json(), previous: { status: 'active', outcome: null }, open_tasks: 'none' },
        },
      });
    });

    it.each([{ outcome: 'cancelled' }, { outcome: 'delivered', open_tasks: 'cancel' }])('cancels open tasks with %j', async (body) => {
      const project = await aFitout();
      expect((await close(project.id, body)).json<Project>()).toMatchObject({ status: 'closed', outcome: body.outcome });
      expect((await service.eventsOf(caller, project.id)).at(-1)).toMatchObject({ public: { data: { open_tasks: 'cancel' } } });
    });

    it('changes nothing when it is already so', async () => {
      const project = await aProject();
      const first = await close(project.id, { outcome: 'cancelled' });
      expect((await close(project.id, { outcome: 'cancelled' })).body).toBe(first.body);
      expect(await service.eventsOf(caller, project.id)).toHaveLength(2);
    });

    it('happens once for ten people at the same moment', async () => {
      const project = await aProject();
      const answers = await Promise.all(Array.from({ length: 10 }, () => close(project.id, { outcome: 'delivered' })));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
      expect(await service.eventsOf(caller, project.id)).toHaveLength(2);
    });
  });

  describe('409', () => {
    it('project_has_open_work names what is open, tasks and then milestones', async () => {
      const project = await aFitout();
      for (let index = 0; index < 4; index++) await service.hear(...tasksOf(project, index).map((task) => completed(caller, task)));
      const answer = await close(project.id, { outcome: 'delivered' });
      expect(answer.statusCode).toBe(409);
      expect(answer.json()).toMatchObject({
        code: 'project_has_open_work',
        blocked_by: [
          ...tasksOf(project, 4).map(({ id, title }) => ({ kind: 'task', id, title })),
          { kind: 'milestone', id: project.milestones[4]!.id, title: 'Snagging and handover' },
        ],
      });
      expect(JSON.parse(await read(project.id))).toMatchObject({ status: 'active' });
    });

    it('project_has_open_work for a cancelled project that is told to refuse', async () => {
      const project = await aFitout();
      const answer = await close(project.id, { outcome: 'cancelled', open_tasks: 'refuse' });
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'project_has_open_work']);
    });

    it('project_closed when it was closed in another way', async () => {
      const project = await aProject();
      await close(project.id, { outcome: 'delivered' });
      const answer = await close(project.id, { outcome: 'cancelled' });
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'project_closed']);
    });
  });

  // Guarantees that a stranger cannot learn whether a project exists: the same bytes as for an id that never was.
  it("404 for another organization's project and another mode's", async () => {
    const project = await aProject();
    const refusal = async (as: typeof caller, id: string) => {
      const answer = await service.as(as).post(`/projects/${id}/close`, { outcome: 'delivered' }, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('prj'));
    expect(never[0]).toBe(404);
    expect(await refusal(aCaller(), project.id)).toEqual(never);
    expect(await refusal({ ...caller, livemode: !caller.livemode }, project.id)).toEqual(never);
    expect(JSON.parse(await read(project.id))).toMatchObject({ status: 'active' });
  });

  it('412 when the project has changed since it was read', async () => {
    const project = await aProject();
    expect((await close(project.id, { outcome: 'delivered' }, { 'if-match': 'W/"2"' })).statusCode).toBe(412);
    expect((await close(project.id, { outcome: 'delivered' }, { 'if-match': 'W/"1"' })).statusCode).toBe(200);
  });

  it('422 without an outcome, or with one of no list', async () => {
    const project = await aProject();
    for (const body of [{}, { outcome: 'lost' }, { outcome: 'delivered', open_tasks: 'keep' }])
      expect((await close(project.id, body)).statusCode).toBe(422);
  });

  it('403 without the scope, whether the project exists or not', async () => {
    const project = await aProject();
    const reader = { ...caller, scopes: ['projects:read'] };
    for (const id of [project.id, newId('prj')]) {
      expect((await service.as(reader).post(`/projects/${id}/close`, { outcome: 'delivered' })).statusCode).toBe(403);
    }
  });
});
