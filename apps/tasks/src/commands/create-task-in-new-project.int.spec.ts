import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { aMilestoneAdded, aProjectClosed, aProjectCreated, aProjectReopened } from '../reactions/project-news.examples';
import { ProjectsService } from '../projects-service.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

describe('POST /tasks right after POST /projects', () => {
  const caller = aCaller();
  let projects: ProjectsService;
  let service: TasksService;
  let position = 100;

  beforeAll(async () => {
    const database = await testDatabase('log');
    projects = new ProjectsService();
    service = await startTasks({ own: await testDatabase('tasks'), log: database, projectsUrl: await projects.start() });
  });
  beforeEach(() => {
    position += 1;
    projects.asked.length = 0;
  });
  afterAll(async () => {
    await service.stop();
    await projects.stop();
  });

  const create = (body: object) =>
    service.as(caller).post('/tasks', { title: 'Call', ...body }, { 'works-position': `projects:${position}` });

  // Guarantees that whoever has just made a project can at once put a task into it.
  it('waits for the news of the project, and then knows it', async () => {
    const news = aProjectCreated(caller);
    projects.onItsWay = [news];
    const answer = await create({ project_id: news.subject, milestone_id: news.data.project.milestones[0]!.id });
    expect([answer.statusCode, answer.json<Task>().project_id]).toEqual([201, news.subject]);
    expect((await service.as(caller).get(`/tasks?project_id=${news.subject}`)).json<{ data: Task[] }>().data).toHaveLength(4);
  });

  it('also for the tasks of its scaffold', async () => {
    const news = aProjectCreated(caller);
    projects.onItsWay = [news];
    const scaffolded = news.data.project.milestones[0]!.tasks[0]!;
    expect((await create({ project_id: news.subject, depends_on: [scaffolded.id] })).json<Task>()).toMatchObject({
      depends_on: [scaffolded.id],
      blocked: true,
    });
  });

  it('also for a milestone that was just added, and for a project that was just reopened', async () => {
    const created = aProjectCreated(caller);
    projects.onItsWay = [created, aProjectClosed(caller, created.subject, 'cancel')];
    expect((await create({ project_id: created.subject })).json().code).toBe('project_closed');
    position += 1;
    const added = aMilestoneAdded(caller, created.subject);
    projects.onItsWay = [aProjectReopened(caller, created.subject), added];
    expect((await create({ project_id: created.subject, milestone_id: added.subject })).statusCode).toBe(201);
  });

  // Guarantees that a task is not cancelled by a closing that its maker has undone before making it, however late the news of both.
  it('also for a project that was just closed and reopened, of which neither has been heard', async () => {
    const created = aProjectCreated(caller);
    await service.hear(created);
    projects.onItsWay = [aProjectClosed(caller, created.subject, 'cancel'), aProjectReopened(caller, created.subject)];
    const { id } = (await create({ project_id: created.subject })).json<Task>();
    expect((await service.as(caller).get(`/tasks/${id}`)).json<Task>().status).toBe('open');
    expect(
      (await service.as(caller).get(`/tasks?project_id=${created.subject}&status=cancelled`)).json<{ data: Task[] }>().data,
    ).toHaveLength(3);
  });

  it('says so when there is no such project even then', async () => {
    expect((await create({ project_id: newId('prj') })).json().code).toBe('unknown_reference');
    // For what this caller has done to it, and then for whatever anybody has.
    expect(projects.asked).toHaveLength(2);
  });

  // The busiest write of the product must not pay for what it does not need.
  it('waits for nothing when the task points at nothing, or only at what is known', async () => {
    const first = await create({});
    const second = await create({ depends_on: [first.json<Task>().id] });
    expect([first.statusCode, second.statusCode, projects.asked]).toEqual([201, 201, []]);
  });
});
