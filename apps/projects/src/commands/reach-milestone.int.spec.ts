import type { Milestone } from '@works/contracts/milestones';
import type { PlannedProject } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { cancelled, completed, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

describe('POST /milestones/{id}/reach', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aFitout = async () =>
    (await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), template: 'fitout_v2' })).json<PlannedProject>();
  const reach = (id: string, body?: object, headers: Record<string, string> = {}) =>
    service.as(caller).post(`/milestones/${id}/reach`, body, headers);
  const statusOf = async (project: PlannedProject) =>
    (await service.as(caller).get(`/projects/${project.id}/milestones`)).json<{ data: Milestone[] }>().data;

  /** A project whose handover waits for nothing but its sign-off. */
  async function anAwaitedHandover() {
    const project = await aFitout();
    await service.hear(...tasksOf(project, 4).map((task) => completed(caller, task)));
    return { project, handover: project.milestones[4]! };
  }

  describe('200', () => {
    it('signs off, says who and when and what they had to say, and is then read so', async () => {
      const { project, handover } = await anAwaitedHandover();
      expect((await statusOf(project))[4]).toMatchObject({
        status: 'pending',
        blocked_by: [{ kind: 'sign_off', id: handover.id, title: 'Sign-off' }],
      });
      const answer = await reach(handover.id, { note: 'Keys handed over' });
      const milestone = answer.json<Milestone>();
      expect([answer.statusCode, answer.headers['etag']]).toEqual([200, 'W/"2"']);
      expect(milestone).toMatchObject({
        status: 'reached',
        sign_off: { by: caller.actor, note: 'Keys handed over', at: milestone.reached_at },
        progress: { tasks: 4, tasks_completed: 4 },
        blocked_by: [],
        version: 2,
      });
      expect(JSON.stringify((await statusOf(project))[4])).toBe(answer.body);
    });

    it('tells everybody, once', async () => {
      const { project, handover } = await anAwaitedHandover();
      const answers = await Promise.all(Array.from({ length: 10 }, () => reach(handover.id)));
      expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
      const events = await service.eventsOf(caller, handover.id);
      expect(events.map(({ type }) => type)).toEqual(['milestone.added', 'milestone.reached']);
      expect(events[1]).toMatchObject({
        log_key: project.id,
        public: {
          type: 'milestone.reached',
          subject: handover.id,
          project_id: project.id,
          data: { milestone: (await statusOf(project))[4], previous: { status: 'pending' } },
        },
      });
    });

    it('is possible when every task was cancelled, which reaches nothing by itself', async () => {
      const project = await aFitout();
      await service.hear(...tasksOf(project).map((task) => cancelled(caller, task)));
      expect((await statusOf(project))[0]).toMatchObject({ status: 'pending', blocked_by: [], progress: { tasks: 0, tasks_completed: 0 } });
      expect((await reach(project.milestones[0]!.id)).json()).toMatchObject({ status: 'reached' });
    });

    it('changes nothing when it reached by itself before', async () => {
      const project = await aFitout();
      await service.hear(...tasksOf(project).map((task) => completed(caller, task)));
      expect((await reach(project.milestones[0]!.id, { note: 'Late' })).json()).toMatchObject({
        status: 'reached',
        sign_off: null,
        version: 2,
      });
    });
  });

  describe('409', () => {
    it('milestone_blocked names the open tasks, and only those', async () => {
      const project = await aFitout();
      const [survey, ...open] = tasksOf(project);
      await service.hear(completed(caller, survey!));
      const answer = await reach(project.milestones[0]!.id);
      expect(answer.statusCode).toBe(409);
      expect(answer.json()).toMatchObject({
        code: 'milestone_blocked',
        detail: '4 tasks are still open in this milestone.',
        blocked_by: open.map(({ id, title }) => ({ kind: 'task', id, title })),
      });
      expect((await statusOf(project))[0]).toMatchObject({ status: 'pending', version: 1 });
    });

    it('project_closed once the project is closed', async () => {
      const { project, handover } = await anAwaitedHandover();
      await service.as(caller).post(`/projects/${project.id}/close`, { outcome: 'cancelled' });
      const answer = await reach(handover.id);
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'project_closed']);
    });
  });

  // Guarantees that a stranger cannot learn whether a milestone exists: the same bytes as for an id that never was.
  it("404 for another organization's milestone and another mode's", async () => {
    const { handover } = await anAwaitedHandover();
    const refusal = async (as: typeof caller, id: string) => {
      const answer = await service.as(as).post(`/milestones/${id}/reach`, {}, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('mst'));
    expect(never[0]).toBe(404);
    expect(await refusal(aCaller(), handover.id)).toEqual(never);
    expect(await refusal({ ...caller, livemode: !caller.livemode }, handover.id)).toEqual(never);
  });

  it('412 when the milestone has changed since it was read', async () => {
    const { handover } = await anAwaitedHandover();
    expect((await reach(handover.id, {}, { 'if-match': 'W/"2"' })).statusCode).toBe(412);
    expect((await reach(handover.id, {}, { 'if-match': 'W/"1"' })).statusCode).toBe(200);
  });

  it('422 for a note that is no text, or too long', async () => {
    const { handover } = await anAwaitedHandover();
    for (const note of [7, 'x'.repeat(2_001)]) expect((await reach(handover.id, { note })).statusCode).toBe(422);
  });

  it('403 without the scope, whether the milestone exists or not', async () => {
    const { handover } = await anAwaitedHandover();
    const reader = { ...caller, scopes: ['projects:read'] };
    for (const id of [handover.id, newId('mst')]) expect((await service.as(reader).post(`/milestones/${id}/reach`)).statusCode).toBe(403);
  });
});
