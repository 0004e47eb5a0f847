import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { aProjectClosed, aProjectCreated, plannedTasks } from '../reactions/project-news.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

describe('POST /tasks/{id}/complete', () => {
  const caller = aCaller();
  let service: TasksService;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aTask = async (body: object = {}) => (await service.as(caller).post('/tasks', { title: 'Call', ...body })).json<Task>();
  const complete = (id: string, body: object = {}, headers: Record<string, string> = {}) =>
    service.as(caller).post(`/tasks/${id}/complete`, body, headers);

  describe('200', () => {
    it('says who completed it and when, as GET does, to the byte', async () => {
      const task = await aTask();
      const answer = await complete(task.id);
      expect(answer.json()).toMatchObject({ status: 'completed', completed_by: caller.actor, version: 2 });
      expect(answer.json<Task>().completed_at).toBe(answer.json<Task>().updated_at);
      expect((await service.as(caller).get(`/tasks/${task.id}`)).body).toBe(answer.body);
    });

    it('tells everybody', async () => {
      const task = await aTask();
      const answer = await complete(task.id);
      expect((await service.eventsOf(caller, task.id)).at(-1)).toMatchObject({
        type: 'task.completed',
        public: {
          type: 'task.completed',
          subject: task.id,
          actor: caller.actor,
          data: { task: answer.json(), previous: { status: 'open' } },
        },
      });
    });

    it('takes no body as an empty one', async () => {
      const task = await aTask();
      expect((await service.as(caller).post(`/tasks/${task.id}/complete`)).statusCode).toBe(200);
    });

    it('changes nothing when it is already so', async () => {
      const task = await aTask();
      const first = await complete(task.id);
      expect((await complete(task.id)).body).toBe(first.body);
      expect(await service.eventsOf(caller, task.id)).toHaveLength(2);
    });

    it('completes despite open dependencies when forced', async () => {
      const first = await aTask();
      const task = await aTask({ depends_on: [first.id] });
      expect((await complete(task.id, { force: true })).json()).toMatchObject({ status: 'completed', blocked: false });
    });

    it('happens once for fifty twins', async () => {
      const task = await aTask();
      const key = { 'idempotency-key': newId('idem') };
      const answers = await Promise.all(Array.from({ length: 50 }, () => complete(task.id, {}, key)));
      expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
      expect(await service.eventsOf(caller, task.id)).toHaveLength(2);
    });

    it('happens once for ten people at the same moment', async () => {
      const task = await aTask();
      const answers = await Promise.all(Array.from({ length: 10 }, () => complete(task.id)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
      expect(await service.eventsOf(caller, task.id)).toHaveLength(2);
    });
  });

  // Guarantees that a stranger cannot learn whether a task exists: the answer is 404, never 403.
  it("404 for another organization's task", async () => {
    const task = await aTask();
    const answer = await service.as(aCaller()).post(`/tasks/${task.id}/complete`, {});
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found']);
    expect((await service.as(caller).get(`/tasks/${task.id}`)).json()).toEqual(task);
  });

  describe('409', () => {
    it('task_blocked names what is still open, in the order of the dependencies, and is said again to a retry', async () => {
      const [first, second, done] = [await aTask({ title: 'First' }), await aTask({ title: 'Second' }), await aTask()];
      await complete(done.id);
      const task = await aTask({ depends_on: [second.id, done.id, first.id] });
      const key = { 'idempotency-key': newId('idem') };
      const answer = await complete(task.id, {}, key);
      expect(answer.statusCode).toBe(409);
      expect(answer.json()).toMatchObject({
        code: 'task_blocked',
        blocked_by: [
          { kind: 'task', id: second.id, title: 'Second' },
          { kind: 'task', id: first.id, title: 'First' },
        ],
      });
      await Promise.all([complete(first.id), complete(second.id)]);
      expect((await complete(task.id, {}, key)).body).toBe(answer.body);
      expect((await complete(task.id)).statusCode).toBe(200);
    });

    it('task_cancelled, also when forced', async () => {
      const news = aProjectCreated(caller);
      await service.hear(news);
      await service.hear(aProjectClosed(caller, news.subject, 'cancel'));
      const answer = await complete(plannedTasks(news)[0]!.id, { force: true });
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'task_cancelled']);
    });
  });

  it('412 when the task has changed since it was read', async () => {
    const task = await aTask();
    expect((await complete(task.id, {}, { 'if-match': 'W/"2"' })).statusCode).toBe(412);
    expect((await complete(task.id, {}, { 'if-match': 'W/"1"' })).statusCode).toBe(200);
  });

  it('422 for a force that is neither true nor false', async () => {
    const task = await aTask();
    expect((await complete(task.id, { force: 'yes' })).statusCode).toBe(422);
  });

  it('403 without the scope, whether the task exists or not', async () => {
    const task = await aTask();
    const reader = { ...caller, scopes: ['tasks:read'] };
    for (const id of [task.id, newId('tsk')]) expect((await service.as(reader).post(`/tasks/${id}/complete`, {})).statusCode).toBe(403);
  });
});
