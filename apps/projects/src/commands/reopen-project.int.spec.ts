import type { Milestone } from '@works/contracts/milestones';
import type { PlannedProject, Project } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { cancelled, completed, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

describe('POST /projects/{id}/reopen', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aClosedProject = async (body: object = {}, outcome = 'cancelled') => {
    const planned = (
      await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), ...body })
    ).json<PlannedProject>();
    await service.as(caller).post(`/projects/${planned.id}/close`, { outcome, open_tasks: 'cancel' });
    return planned;
  };
  const reopen = (id: string, headers: Record<string, string> = {}) =>
    service.as(caller).post(`/projects/${id}/reopen`, undefined, headers);
  const read = async (id: string) => (await service.as(caller).get(`/projects/${id}`)).body;

  describe('200', () => {
    it('makes it active again, as GET then answers to the byte, and lets it change', async () => {
      const { id } = await aClosedProject({ template: 'fitout_v2' });
      const answer = await reopen(id);
      expect([answer.statusCode, answer.headers['etag']]).toEqual([200, 'W/"3"']);
      expect(answer.json<Project>()).toMatchObject({ status: 'active', outcome: null, closed_at: null, version: 3 });
      expect(await read(id)).toBe(answer.body);
      expect((await service.as(caller).patch(`/projects/${id}`, { name: 'Once more' })).statusCode).toBe(200);
    });

    it('tells everybody how and when it had been closed', async () => {
      const { id } = await aClosedProject();
      const { closed_at } = JSON.parse(await read(id)) as Project;
      const answer = await reopen(id);
      expect((await service.eventsOf(caller, id)).at(-1)).toMatchObject({
        type: 'project.reopened',
        log_key: id,
        public: { data: { project: answer.json(), previous: { status: 'closed', outcome: 'cancelled', closed_at } } },
      });
    });

    it('changes nothing when it is active, and happens once for ten people at the same moment', async () => {
      const { id } = await aClosedProject();
      const answers = await Promise.all(Array.from({ length: 10 }, () => reopen(id)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
      expect((await service.eventsOf(caller, id)).map(({ type }) => type)).toEqual([
        'project.created',
        'project.closed',
        'project.reopened',
      ]);
    });

    it('lets it be closed again', async () => {
      const { id } = await aClosedProject();
      await reopen(id);
      expect((await service.as(caller).post(`/projects/${id}/close`, { outcome: 'delivered' })).json()).toMatchObject({
        outcome: 'delivered',
      });
    });

    // What the closing cancelled was not done: it must not look like a phase that is complete, neither at the closing nor at the reopening.
    it('reaches no milestone by itself', async () => {
      const planned = await aClosedProject({ template: 'fitout_v2' });
      const [first, ...others] = tasksOf(planned);
      await service.hear(completed(caller, first!), ...others.map((task) => cancelled(caller, task)));
      await reopen(planned.id);
      const [milestone] = (await service.as(caller).get(`/projects/${planned.id}/milestones`)).json<{ data: Milestone[] }>().data;
      expect(milestone).toMatchObject({ status: 'pending', blocked_by: [], progress: { tasks: 1, tasks_completed: 1 } });
      expect((await service.as(caller).post(`/milestones/${milestone!.id}/reach`)).json()).toMatchObject({ status: 'reached' });
    });
  });

  // Guarantees that a stranger cannot learn whether a project exists: the same bytes as for an id that never was.
  it("404 for another organization's project and another mode's", async () => {
    const { id } = await aClosedProject();
    const refusal = async (as: typeof caller, of: string) => {
      const answer = await service.as(as).post(`/projects/${of}/reopen`, undefined, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('prj'));
    expect(never[0]).toBe(404);
    expect(await refusal(aCaller(), id)).toEqual(never);
    expect(await refusal({ ...caller, livemode: !caller.livemode }, id)).toEqual(never);
  });

  it('412 when the project has changed since it was read, 403 without the scope', async () => {
    const { id } = await aClosedProject();
    expect((await reopen(id, { 'if-match': 'W/"1"' })).statusCode).toBe(412);
    expect((await service.as({ ...caller, scopes: ['projects:read'] }).post(`/projects/${id}/reopen`)).statusCode).toBe(403);
  });
});
