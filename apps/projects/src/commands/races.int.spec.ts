import type { Milestone } from '@works/contracts/milestones';
import type { PlannedProject } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { A_TASK, completed, news, startProjects, type ProjectsService } from '../projects-service.examples';

const ROUNDS = 50;

// Whoever comes first, each milestone is reached and reopened by turns, and a closed project's milestones stay as they are.
describe('at the same moment', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const post = (path: string, body?: object) => service.as(caller).post(path, body);
  const statusOf = async (id: string) => (await service.as(caller).get(`/projects/${id}/milestones`)).json<{ data: Milestone[] }>().data;
  const eventsOf = async (projectId: string) =>
    service.query<{ type: string; stream_id: string }>(
      caller,
      `select e.type, e.stream_id from events e where e.stream_id = $1 or e.stream_id in (select m.id from milestones m where m.project_id = $1)
        order by e.position`,
      [projectId],
    );

  /** A project with one milestone, which waits for nothing, or is reached. */
  async function aProject({ reached }: { reached: boolean }) {
    const { id } = (await post('/projects', { name: 'Fit-out', owner_id: newId('usr') })).json<PlannedProject>();
    const milestone = (await post(`/projects/${id}/milestones`, { name: 'Handover' })).json<Milestone>();
    if (reached) await post(`/milestones/${milestone.id}/reach`);
    return { id, milestone };
  }

  const turnsOf = async (milestoneId: string) =>
    (await service.eventsOf(caller, milestoneId)).map(({ type }) => type).filter((type) => /reached|reopened/.test(type));
  const alternate = (turns: readonly string[]) =>
    expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? 'milestone.reached' : 'milestone.reopened')));

  /** After the closing nothing happened to the milestones, and a delivered project has none that is pending. */
  async function closedForGood(projectId: string, code: number): Promise<void> {
    const types = (await eventsOf(projectId)).map(({ type }) => type);
    const closed = types.indexOf('project.closed');
    expect(closed === -1).toBe(code !== 200);
    if (closed === -1) return;
    expect(types.slice(closed + 1)).toEqual([]);
    expect((await statusOf(projectId)).filter(({ status }) => status === 'pending')).toEqual([]);
  }

  it('reopen and reach', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { milestone } = await aProject({ reached: round % 2 === 0 });
      const answers = await Promise.all(['reach', 'reopen', 'reach', 'reopen'].map((verb) => post(`/milestones/${milestone.id}/${verb}`)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
      alternate(await turnsOf(milestone.id));
    }
  });

  it('close and reach', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id, milestone } = await aProject({ reached: false });
      const [close, reach] = await Promise.all([
        post(`/projects/${id}/close`, { outcome: 'delivered' }),
        post(`/milestones/${milestone.id}/reach`),
      ]);
      expect([200, 409]).toContain(close.statusCode);
      expect(reach.statusCode).toBe(200);
      await closedForGood(id, close.statusCode);
      alternate(await turnsOf(milestone.id));
    }
  });

  it('close and reopen', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id, milestone } = await aProject({ reached: true });
      const [close, reopen] = await Promise.all([
        post(`/projects/${id}/close`, { outcome: 'delivered' }),
        post(`/milestones/${milestone.id}/reopen`),
      ]);
      // One of them was first, and the other was told so.
      expect([close.statusCode, reopen.statusCode].sort()).toEqual([200, 409]);
      await closedForGood(id, close.statusCode);
      alternate(await turnsOf(milestone.id));
    }
  });

  it('close and add', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await aProject({ reached: true });
      const [close, add] = await Promise.all([
        post(`/projects/${id}/close`, { outcome: 'delivered' }),
        post(`/projects/${id}/milestones`, { name: 'Late' }),
      ]);
      expect([`${close.statusCode} ${add.statusCode}`]).toContainEqual(expect.stringMatching(/^(200 409|409 201)$/));
      await closedForGood(id, close.statusCode);
    }
  });

  it('close and the last task', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id, milestone } = await aProject({ reached: false });
      const planned = { ...A_TASK, id: newId('tsk'), project_id: id, milestone_id: milestone.id };
      await service.hear(news(caller, planned, 'open', { version: 1 }));
      const [close] = await Promise.all([
        post(`/projects/${id}/close`, { outcome: 'delivered' }),
        service.hear(completed(caller, planned)),
      ]);
      await closedForGood(id, close.statusCode);
      expect(await turnsOf(milestone.id)).toEqual(['milestone.reached']);
    }
  });

  // Added first, the task keeps the milestone pending; added second, it is in a milestone that is reached. Both are one reaching at most.
  it('the last task and a task that is added', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id, milestone } = await aProject({ reached: false });
      const last = { ...A_TASK, id: newId('tsk'), project_id: id, milestone_id: milestone.id };
      const extra = { ...last, id: newId('tsk') };
      await service.hear(news(caller, last, 'open', { version: 1 }));
      await Promise.all([service.hear(completed(caller, last)), service.hear(news(caller, extra, 'open', { version: 1 }))]);
      await service.hear(completed(caller, extra));
      expect(await turnsOf(milestone.id)).toEqual(['milestone.reached']);
      expect((await statusOf(id))[0]).toMatchObject({ status: 'reached', progress: { tasks: 2, tasks_completed: 2 } });
    }
  });
});
