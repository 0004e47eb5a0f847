import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { aProjectCreated, plannedTasks } from '../reactions/project-news.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

describe('GET /tasks/{id}', () => {
  const caller = aCaller();
  let service: TasksService;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aTask = async () => (await service.as(caller).post('/tasks', { title: 'Call' })).json<Task>();

  it('200 with the version as its ETag', async () => {
    const task = await aTask();
    const answer = await service.as(caller).get(`/tasks/${task.id}`);
    expect([answer.statusCode, answer.headers['etag'], answer.json()]).toEqual([200, 'W/"1"', task]);
  });

  it('200 with the bytes that the answer to POST /projects had', async () => {
    const news = aProjectCreated(caller);
    await service.hear(news);
    for (const planned of plannedTasks(news)) {
      const answer = await service.as(caller).get(`/tasks/${planned.id}`);
      expect(answer.body).toBe(JSON.stringify({ ...planned, overdue: answer.json<Task>().overdue }));
    }
  });

  // Guarantees that a stranger cannot learn whether a task exists: not a byte of the answer differs.
  it("404 for another organization's task, the other mode's, one that never was, and what is no task id", async () => {
    const { id } = await aTask();
    const answers = await Promise.all([
      service.as(aCaller()).get(`/tasks/${id}`),
      service.as({ ...caller, livemode: false }).get(`/tasks/${id}`),
      service.as(caller).get(`/tasks/${newId('tsk')}`),
      service.as(caller).get(`/tasks/${newId('prj')}`),
      service.as(caller).get('/tasks/%00'),
    ]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404, 404, 404]);
    expect(new Set(answers.map((answer) => JSON.stringify({ ...answer.json(), request_id: '' }))).size).toBe(1);
  });

  it('403 without the scope, whether the task exists or not', async () => {
    const { id } = await aTask();
    const writer = { ...caller, scopes: ['tasks:write'] };
    for (const any of [id, newId('tsk')]) expect((await service.as(writer).get(`/tasks/${any}`)).statusCode).toBe(403);
  });
});
