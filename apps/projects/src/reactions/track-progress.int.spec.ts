import fc from 'fast-check';
import type { Milestone } from '@works/contracts/milestones';
import type { PlannedProject, Project } from '@works/contracts/projects';
import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import {
  cancelled,
  completed,
  news,
  reopened,
  startProjects,
  tasksOf,
  updated,
  type ProjectsService,
  type TaskNews,
} from '../projects-service.examples';

describe('when tasks change', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aFitout = async (as = caller) =>
    (await service.as(as).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), template: 'fitout_v2' })).json<PlannedProject>();
  const progressOf = async ({ id }: PlannedProject, as = caller) => (await service.as(as).get(`/projects/${id}`)).json<Project>().progress;
  const milestoneOf = async ({ id }: PlannedProject, index = 0) =>
    (await service.as(caller).get(`/projects/${id}/milestones`)).json<{ data: Milestone[] }>().data[index]!;
  const reachedOf = async (milestone: { id: string }, as = caller) =>
    (await service.eventsOf(as, milestone.id)).filter(({ type }) => type === 'milestone.reached');
  const allCompleted = (project: PlannedProject, index = 0) => tasksOf(project, index).map((task) => completed(caller, task));
  /** A task that somebody adds to the first milestone of the project later. */
  const aNewTask = (project: PlannedProject, given: Partial<Task> = {}): Task => ({
    ...tasksOf(project)[0]!,
    id: newId('tsk'),
    title: 'Extra',
    version: 1,
    ...given,
  });
  const created = (task: Task): TaskNews => news(caller, task, 'open', { version: task.version });

  describe('progress', () => {
    it('counts what is completed, and leaves out what is cancelled', async () => {
      const project = await aFitout();
      const [first, second] = tasksOf(project);
      await service.hear(completed(caller, first!), cancelled(caller, second!));
      expect(await progressOf(project)).toMatchObject({ tasks: 23, tasks_completed: 1 });
      expect(await milestoneOf(project)).toMatchObject({ progress: { tasks: 4, tasks_completed: 1 } });
    });

    it('counts tasks that were added later, and shows them as open', async () => {
      const project = await aFitout();
      const extra = aNewTask(project, { due_on: '2020-01-01' });
      await service.hear(created(extra));
      expect(await progressOf(project)).toMatchObject({ tasks: 25, tasks_overdue: 1 });
      expect((await milestoneOf(project)).blocked_by.at(-1)).toEqual({ kind: 'task', id: extra.id, title: 'Extra' });
    });

    it('counts tasks of the project that are in no milestone', async () => {
      const project = await aFitout();
      await service.hear(created(aNewTask(project, { milestone_id: null })));
      expect(await progressOf(project)).toMatchObject({ tasks: 25 });
    });

    // Order across topics is not promised: news that a task was created can come after the news of its end.
    it('is not turned back by older news', async () => {
      const project = await aFitout();
      const extra = aNewTask(project);
      await service.hear(completed(caller, extra));
      await service.hear(created(extra));
      await service.hear(...tasksOf(project).map((task) => created({ ...task, version: 1 })));
      expect(await progressOf(project)).toMatchObject({ tasks: 25, tasks_completed: 1 });
    });

    it('takes several news of one task in one batch, whatever their order', async () => {
      const project = await aFitout();
      const extra = aNewTask(project);
      await service.hear(completed(caller, extra), created(extra));
      expect(await progressOf(project)).toMatchObject({ tasks: 25, tasks_completed: 1 });
    });
  });

  describe('a task that changes', () => {
    it('is shown and counted as it is now: title, due date, milestone', async () => {
      const project = await aFitout();
      const [task] = tasksOf(project);
      const changes = { title: 'Measure twice', due_on: '2020-01-01', due_at: null, milestone_id: project.milestones[1]!.id };
      await service.hear(updated(caller, task!, changes));
      expect(await progressOf(project)).toMatchObject({ tasks: 24, tasks_overdue: 1 });
      expect(await milestoneOf(project, 0)).toMatchObject({ progress: { tasks: 4 } });
      const { progress, blocked_by } = await milestoneOf(project, 1);
      expect(progress.tasks).toBe(tasksOf(project, 1).length + 1);
      expect(blocked_by).toContainEqual({ kind: 'task', id: task!.id, title: 'Measure twice' });
    });

    it('counts as open again once it is reopened', async () => {
      const project = await aFitout();
      const [first, second] = tasksOf(project);
      await service.hear(completed(caller, first!), cancelled(caller, second!));
      await service.hear(reopened(caller, first!), reopened(caller, second!));
      expect(await progressOf(project)).toMatchObject({ tasks: 24, tasks_completed: 0 });
    });

    it('is not turned back by older news of its end', async () => {
      const project = await aFitout();
      const [task] = tasksOf(project);
      await service.hear(reopened(caller, task!));
      await service.hear(completed(caller, task!));
      expect(await progressOf(project)).toMatchObject({ tasks_completed: 0 });
    });
  });

  describe('the last open task of a milestone that is moved away', () => {
    const almostDone = async () => {
      const project = await aFitout();
      const [last, ...others] = tasksOf(project);
      await service.hear(...others.map((task) => completed(caller, task)));
      return { project, last: last!, milestone: project.milestones[0]! };
    };

    it.each<[string, (project: PlannedProject) => string | null]>([
      ['to another', (project) => project.milestones[1]!.id],
      ['out of any', () => null],
    ])('%s reaches it: one fact, caused by whoever moved the task', async (_, to) => {
      const { project, last, milestone } = await almostDone();
      const by = { type: 'agent' as const, id: newId('key') };
      const moved = { ...updated(caller, last, { milestone_id: to(project) }), actor: by };
      await service.hear(moved);
      await service.hear(moved);
      const reached = await reachedOf(milestone);
      expect(reached.map((event) => event.public?.actor)).toEqual([by]);
      expect(await milestoneOf(project)).toMatchObject({ status: 'reached', progress: { tasks: 4, tasks_completed: 4 } });
    });

    // Only the older news names the milestone that the task was in; by then the task is long elsewhere.
    it.each<[string, (first: TaskNews, later: TaskNews) => TaskNews[][]]>([
      ['before', (first, later) => [[later], [first]]],
      ['together with', (first, later) => [[first, later]]],
    ])('reaches it also when the news of a later move comes %s its own', async (_, batches) => {
      const { project, last, milestone } = await almostDone();
      const [, second, third] = project.milestones;
      const first = updated(caller, last, { milestone_id: second!.id });
      const later = updated(caller, first.data.task, { milestone_id: third!.id });
      for (const batch of batches(first, later)) await service.hear(...batch);
      expect(await reachedOf(milestone)).toHaveLength(1);
      expect(await milestoneOf(project, 2)).toMatchObject({ progress: { tasks: tasksOf(project, 2).length + 1 } });
    });

    it('reaches the one in between when that has no other open task', async () => {
      const { project, last } = await almostDone();
      const [, second, third] = project.milestones;
      await service.hear(
        ...tasksOf(project, 1)
          .map((task) => completed(caller, task))
          .slice(1),
      );
      const there = updated(caller, last, { milestone_id: second!.id });
      await service.hear(there, completed(caller, tasksOf(project, 1)[0]!));
      expect(await reachedOf(second!)).toEqual([]);
      await service.hear(updated(caller, there.data.task, { milestone_id: third!.id }));
      expect(await reachedOf(second!)).toHaveLength(1);
    });

    it('does not reach it while another is open', async () => {
      const project = await aFitout();
      const [first, second, ...others] = tasksOf(project);
      await service.hear(...others.map((task) => completed(caller, task)));
      await service.hear(updated(caller, first!, { milestone_id: null }));
      expect(await reachedOf(project.milestones[0]!)).toEqual([]);
      await service.hear(completed(caller, second!));
      expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
    });

    it('does not reach it when nothing in it was done', async () => {
      const project = await aFitout();
      await service.hear(...tasksOf(project).map((task) => updated(caller, task, { milestone_id: null })));
      expect(await milestoneOf(project)).toMatchObject({ status: 'pending', progress: { tasks: 0 } });
    });

    it('reaches it when it goes at the very moment the last other one ends', async () => {
      const projects = await Promise.all(Array.from({ length: 12 }, () => aFitout()));
      await Promise.all(
        projects.map(async (project) => {
          const [first, second, ...others] = tasksOf(project);
          await service.hear(...others.map((task) => completed(caller, task)));
          await Promise.all([
            service.hear(updated(caller, first!, { milestone_id: project.milestones[1]!.id })),
            service.hear(completed(caller, second!)),
          ]);
        }),
      );
      for (const project of projects) expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
    });

    it('reaches the milestone it comes to when it ends there', async () => {
      const { project, last } = await almostDone();
      await service.hear(
        ...tasksOf(project, 1)
          .map((task) => completed(caller, task))
          .slice(1),
      );
      const moved = updated(caller, last, { milestone_id: project.milestones[1]!.id });
      await service.hear(moved, completed(caller, tasksOf(project, 1)[0]!));
      await service.hear(completed(caller, moved.data.task));
      expect(await reachedOf(project.milestones[1]!)).toHaveLength(1);
    });
  });

  // What was billed for stays billed: only `reopen` of the milestone takes back that it was reached.
  it.each<[string, (project: PlannedProject) => TaskNews]>([
    ['one of its tasks is reopened', (project) => reopened(caller, tasksOf(project)[0]!)],
    ['a task is added to it', (project) => created(aNewTask(project))],
    ['a task is moved into it', (project) => updated(caller, tasksOf(project, 1)[0]!, { milestone_id: project.milestones[0]!.id })],
  ])('a reached milestone stays reached when %s', async (_, change) => {
    const project = await aFitout();
    await service.hear(...allCompleted(project));
    await service.hear(change(project));
    expect(await milestoneOf(project)).toMatchObject({ status: 'reached' });
    expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
  });

  describe('the last task of a milestone', () => {
    it('reaches it: one fact, caused by whoever completed that task', async () => {
      const project = await aFitout();
      const milestone = project.milestones[0]!;
      const [last, ...others] = allCompleted(project);
      await service.hear(...others);
      expect(await reachedOf(milestone)).toEqual([]);
      const by = { type: 'agent' as const, id: newId('key') };
      await service.hear({ ...last!, actor: by });
      expect(await reachedOf(milestone)).toEqual([
        expect.objectContaining({
          version: 2,
          public: expect.objectContaining({
            actor: by,
            request: last!.request,
            timestamp: last!.timestamp,
            data: { milestone: await milestoneOf(project), previous: { status: 'pending' } },
          }),
        }),
      ]);
      expect(await milestoneOf(project)).toMatchObject({
        status: 'reached',
        sign_off: null,
        reached_at: last!.timestamp,
        progress: { tasks: 5, tasks_completed: 5 },
      });
      expect(await progressOf(project)).toMatchObject({ milestones_reached: 1 });
    });

    it('may be a cancelled one, when another was completed', async () => {
      const project = await aFitout();
      const [last, ...others] = tasksOf(project);
      await service.hear(...others.map((task) => completed(caller, task)));
      await service.hear(cancelled(caller, last!));
      expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
    });

    it('reaches the milestones of several projects and organizations in one batch', async () => {
      const stranger = aCaller();
      const [one, two, theirs] = [await aFitout(), await aFitout(), await aFitout(stranger)];
      await service.hear(...allCompleted(one), ...allCompleted(two), ...tasksOf(theirs).map((task) => completed(stranger, task)));
      for (const project of [one, two]) expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
      expect(await reachedOf(theirs.milestones[0]!, stranger)).toHaveLength(1);
    });

    it('does not reach one that requires a sign-off', async () => {
      const project = await aFitout();
      await service.hear(...allCompleted(project, 4));
      expect(await reachedOf(project.milestones[4]!)).toEqual([]);
    });

    // A closed project bills nothing more: what its closing cancels must not look like work done.
    it('does not reach one of a closed project', async () => {
      const project = await aFitout();
      const [last, ...others] = tasksOf(project);
      await service.hear(...others.map((task) => completed(caller, task)));
      await service.as(caller).post(`/projects/${project.id}/close`, { outcome: 'cancelled' });
      await service.hear(cancelled(caller, last!));
      expect(await reachedOf(project.milestones[0]!)).toEqual([]);
    });
  });

  // Guarantees what the description of reopening says: no milestone reaches by itself because of it.
  describe('the tasks that a closing cancels', () => {
    it('reach nothing, also when that is heard of only after the project was reopened', async () => {
      const project = await aFitout();
      const [last, ...others] = tasksOf(project);
      await service.hear(...others.map((task) => completed(caller, task)));
      await service.as(caller).post(`/projects/${project.id}/close`, { outcome: 'cancelled' });
      const closed = (await service.eventsOf(caller, project.id)).at(-1)!.public!;
      await service.as(caller).post(`/projects/${project.id}/reopen`);
      await service.hear(news(caller, last!, 'cancelled', { at: closed.timestamp }));
      expect(await milestoneOf(project)).toMatchObject({ status: 'pending', progress: { tasks: 4, tasks_completed: 4 } });
      expect(await reachedOf(project.milestones[0]!)).toEqual([]);
    });
  });

  describe('exactly one milestone.reached', () => {
    it('comes of all news twice, late, and in any order and batches', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.infiniteStream(fc.integer({ min: 0, max: 1_000_000 })),
          fc.integer({ min: 1, max: 4 }),
          async (dice, batchMax) => {
            const project = await aFitout();
            const twice = [...tasksOf(project).map(created), ...allCompleted(project)].flatMap((event) => [event, event]);
            const shuffled = twice.map((event) => ({ event, place: dice.next().value! })).sort((a, b) => a.place - b.place);
            for (let index = 0; index < shuffled.length; index += batchMax)
              await service.hear(...shuffled.slice(index, index + batchMax).map(({ event }) => event));
            expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
            expect(await milestoneOf(project)).toMatchObject({ status: 'reached', progress: { tasks: 5, tasks_completed: 5 }, version: 2 });
          },
        ),
        { numRuns: 15 },
      );
    });

    // Different topics are consumed side by side: each batch alone sees the other's task as open.
    it('comes of the last two tasks that end at the same moment', async () => {
      const projects = await Promise.all(Array.from({ length: 12 }, () => aFitout()));
      await Promise.all(
        projects.map(async (project) => {
          const [first, second, ...others] = tasksOf(project);
          await service.hear(...others.map((task) => completed(caller, task)));
          await Promise.all([service.hear(completed(caller, first!)), service.hear(cancelled(caller, second!))]);
        }),
      );
      for (const project of projects) expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
    });

    it('comes of the same news on many instances at once', async () => {
      const project = await aFitout();
      const events = allCompleted(project);
      await Promise.all(Array.from({ length: 8 }, () => service.hear(...events)));
      expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
    });

    it('comes of the last task and somebody who reaches it at the same moment', async () => {
      const projects = await Promise.all(Array.from({ length: 12 }, () => aFitout()));
      await Promise.all(
        projects.map(async (project) => {
          const [last, ...others] = allCompleted(project);
          await service.hear(...others);
          const reach = () => service.as(caller).post(`/milestones/${project.milestones[0]!.id}/reach`);
          await Promise.all([reach(), service.hear(last!), reach(), reach()]);
        }),
      );
      for (const project of projects) expect(await reachedOf(project.milestones[0]!)).toHaveLength(1);
    });
  });

  describe('news that are nobody’s progress', () => {
    it.each<[string, (project: PlannedProject) => Partial<Task>]>([
      ['a task that stands alone', () => ({ project_id: null, milestone_id: null })],
      ['a task of a project that is unknown here', () => ({ project_id: newId('prj'), milestone_id: null })],
      ['a task of a milestone that is unknown here', () => ({ milestone_id: newId('mst') })],
    ])('%s changes nothing, and is heard', async (_, odd) => {
      const project = await aFitout();
      const stray = aNewTask(project, odd(project));
      await service.hear(completed(caller, stray));
      expect(await service.query(caller, 'select from project_tasks where task_id = $1', [stray.id])).toEqual([]);
      expect(await progressOf(project)).toMatchObject({ tasks: 24, tasks_completed: 0 });
    });

    it("a task that claims another organization's project changes nothing there", async () => {
      const project = await aFitout();
      await service.hear(...tasksOf(project).map((task) => completed(aCaller(), task)));
      expect(await progressOf(project)).toMatchObject({ tasks_completed: 0 });
      expect(await reachedOf(project.milestones[0]!)).toEqual([]);
    });
  });
});
