import type { Milestone } from '@works/contracts/milestones';
import type { PlannedProject, Project } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { completed, news, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

describe('POST /milestones/{id}/reopen', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aFitout = async () =>
    (await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), template: 'fitout_v2' })).json<PlannedProject>();
  const post = (path: string, body?: object, headers: Record<string, string> = {}) => service.as(caller).post(path, body, headers);
  const reopen = (id: string, headers: Record<string, string> = {}) => post(`/milestones/${id}/reopen`, undefined, headers);
  const read = async (id: string) => (await service.as(caller).get(`/milestones/${id}`)).body;
  const typesOf = async (id: string) => (await service.eventsOf(caller, id)).map(({ type }) => type);

  /** A project whose first milestone is reached. */
  async function aReached() {
    const project = await aFitout();
    await service.hear(...tasksOf(project).map((task) => completed(caller, task)));
    return { project, id: project.milestones[0]!.id };
  }

  describe('200', () => {
    it('makes it pending again, as GET then answers to the byte, and tells when and by whom it was reached', async () => {
      const { project, id } = await aReached();
      const before = JSON.parse(await read(id)) as Milestone;
      const answer = await reopen(id);
      expect([answer.statusCode, answer.headers['etag']]).toEqual([200, 'W/"3"']);
      expect(answer.json<Milestone>()).toEqual({
        ...before,
        status: 'pending',
        reached_at: null,
        updated_at: answer.json<Milestone>().updated_at,
        version: 3,
      });
      expect(await read(id)).toBe(answer.body);
      expect((await service.eventsOf(caller, id)).at(-1)).toMatchObject({
        type: 'milestone.reopened',
        log_key: project.id,
        public: { data: { milestone: answer.json(), previous: { status: 'reached', sign_off: null, reached_at: before.reached_at } } },
      });
      expect((await service.as(caller).get(`/projects/${project.id}`)).json<Project>().progress.milestones_reached).toBe(0);
    });

    it('changes nothing when it is pending, and happens once for ten people at the same moment', async () => {
      const { id } = await aReached();
      const answers = await Promise.all(Array.from({ length: 10 }, () => reopen(id)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
      expect(await typesOf(id)).toEqual(['milestone.added', 'milestone.reached', 'milestone.reopened']);
    });

    it('lets it reach anew with its next last task, or by a word', async () => {
      const { project, id } = await aReached();
      await reopen(id);
      const extra = { ...tasksOf(project)[0]!, id: newId('tsk'), version: 1 };
      await service.hear(news(caller, extra, 'open', { version: 1 }));
      expect((await post(`/milestones/${id}/reach`)).json().code).toBe('milestone_blocked');
      await service.hear(news(caller, extra, 'completed'));
      await reopen(id);
      expect((await post(`/milestones/${id}/reach`)).statusCode).toBe(200);
      expect((await typesOf(id)).slice(1)).toEqual([
        'milestone.reached',
        'milestone.reopened',
        'milestone.reached',
        'milestone.reopened',
        'milestone.reached',
      ]);
    });
  });

  it('409 project_closed once the project is closed', async () => {
    const { project, id } = await aReached();
    await post(`/projects/${project.id}/close`, { outcome: 'cancelled' });
    const answer = await reopen(id);
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'project_closed']);
    expect((await reopen(project.milestones[1]!.id)).statusCode).toBe(200);
  });

  // Guarantees that a stranger cannot learn whether a milestone exists: the same bytes as for an id that never was.
  it("404 for another organization's milestone and another mode's", async () => {
    const { id } = await aReached();
    const refusal = async (as: typeof caller, of: string) => {
      const answer = await service.as(as).post(`/milestones/${of}/reopen`, undefined, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('mst'));
    expect(never[0]).toBe(404);
    expect(await refusal(aCaller(), id)).toEqual(never);
    expect(await refusal({ ...caller, livemode: !caller.livemode }, id)).toEqual(never);
  });

  it('412 when the milestone has changed since it was read, 403 without the scope', async () => {
    const { id } = await aReached();
    expect((await reopen(id, { 'if-match': 'W/"1"' })).statusCode).toBe(412);
    expect((await service.as({ ...caller, scopes: ['projects:read'] }).post(`/milestones/${id}/reopen`)).statusCode).toBe(403);
  });
});
