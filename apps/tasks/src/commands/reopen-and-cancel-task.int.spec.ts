import { Client } from 'pg';
import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, eventually, testDatabase } from '@works/platform/testing';
import { aProjectClosed, aProjectCreated, plannedTasks } from '../reactions/project-news.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

describe('how a task ends and begins anew', () => {
  const caller = aCaller();
  let service: TasksService;
  let other: Client;

  beforeAll(async () => {
    const own = await testDatabase('tasks');
    service = await startTasks({ own, log: await testDatabase('log') });
    other = new Client(own.superuserUrl);
    await other.connect();
  });
  afterAll(async () => {
    await other.end();
    await service.stop();
  });

  const aTask = async (body: object = {}) => (await service.as(caller).post('/tasks', { title: 'Call', ...body })).json<Task>();
  const ask = (id: string, what: 'reopen' | 'cancel' | 'complete', body?: object, headers: Record<string, string> = {}) =>
    service.as(caller).post(`/tasks/${id}/${what}`, body, headers);
  const lastEvent = async (id: string) => (await service.eventsOf(caller, id)).at(-1)!;
  const refusal = async (answer: ReturnType<typeof ask>) => `${(await answer).statusCode} ${(await answer).json().code}`;
  const inProject = async () => {
    const news = aProjectCreated(caller);
    await service.hear(news);
    return { projectId: news.subject, tasks: plannedTasks(news) };
  };

  describe('POST /tasks/{id}/cancel', () => {
    it('ends the task, tells everybody, and answers what GET answers, to the byte', async () => {
      const task = await aTask({ assignee_id: newId('usr') });
      const answer = await ask(task.id, 'cancel');
      expect(answer.json()).toMatchObject({ status: 'cancelled', cancelled_at: answer.json<Task>().updated_at, version: 3 });
      expect((await service.as(caller).get(`/tasks/${task.id}`)).body).toBe(answer.body);
      expect((await lastEvent(task.id)).public).toMatchObject({
        type: 'task.cancelled',
        actor: caller.actor,
        data: { task: answer.json(), previous: { status: 'open' } },
      });
    });

    it('unblocks what depends on it', async () => {
      const first = await aTask();
      const second = await aTask({ depends_on: [first.id] });
      await ask(first.id, 'cancel');
      expect((await ask(second.id, 'complete')).statusCode).toBe(200);
    });

    it('changes nothing when it is already so', async () => {
      const task = await aTask();
      const first = await ask(task.id, 'cancel');
      expect((await ask(task.id, 'cancel', {})).body).toBe(first.body);
      expect(await service.eventsOf(caller, task.id)).toHaveLength(2);
    });

    it('409 task_completed', async () => {
      const task = await aTask();
      await ask(task.id, 'complete');
      expect(await refusal(ask(task.id, 'cancel'))).toBe('409 task_completed');
    });
  });

  describe('POST /tasks/{id}/reopen', () => {
    it.each(['complete', 'cancel'] as const)('takes back %s, tells everybody, and answers what GET answers, to the byte', async (end) => {
      const task = await aTask({ assignee_id: newId('usr') });
      const ended = (await ask(task.id, end)).json<Task>();
      const answer = await ask(task.id, 'reopen');
      expect(answer.json()).toEqual({ ...task, version: 4, updated_at: expect.any(String) });
      expect((await service.as(caller).get(`/tasks/${task.id}`)).body).toBe(answer.body);
      expect((await lastEvent(task.id)).public).toMatchObject({
        type: 'task.reopened',
        data: { task: answer.json(), previous: { status: ended.status } },
      });
    });

    it('puts it back into the queue of whoever had it', async () => {
      const asha = newId('usr');
      const task = await aTask({ assignee_id: asha });
      await ask(task.id, 'complete');
      await ask(task.id, 'reopen');
      const queue = (await service.as(caller).get(`/users/${asha}/queue`)).json<{ no_date: Task[] }>();
      expect(queue.no_date.map(({ id }) => id)).toEqual([task.id]);
    });

    it('says whether it is blocked', async () => {
      const first = await aTask();
      const task = await aTask({ depends_on: [first.id] });
      await ask(task.id, 'cancel');
      expect((await ask(task.id, 'reopen')).json()).toMatchObject({ blocked: true });
      expect((await lastEvent(task.id)).public.data['task']).toMatchObject({ blocked: true });
    });

    it('changes nothing when the task is open', async () => {
      const task = await aTask();
      expect((await ask(task.id, 'reopen')).json()).toEqual(task);
      expect(await service.eventsOf(caller, task.id)).toHaveLength(1);
    });

    it('is fine in an active project', async () => {
      const { tasks } = await inProject();
      await ask(tasks[0]!.id, 'cancel');
      expect((await ask(tasks[0]!.id, 'reopen')).statusCode).toBe(200);
    });

    it('409 project_closed', async () => {
      const { projectId, tasks } = await inProject();
      await service.hear(aProjectClosed(caller, projectId, 'cancel'));
      expect(await refusal(ask(tasks[0]!.id, 'reopen'))).toBe('409 project_closed');
    });
  });

  // Guarantees that a closed project keeps no open task that nobody knows of, however close the two moments are.
  describe('a task that is reopened at the very moment its project closes', () => {
    const someoneWaits = () =>
      eventually(async () => {
        const { rowCount } = await other.query(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        expect(rowCount).toBeGreaterThan(0);
      });

    it('is refused when the closing was first', async () => {
      const { projectId, tasks } = await inProject();
      await ask(tasks[0]!.id, 'complete');
      await other.query('begin');
      await other.query("update project_references set status = 'closed' where project_id = $1", [projectId]);
      const answer = ask(tasks[0]!.id, 'reopen');
      await someoneWaits();
      await other.query('commit');
      expect(await refusal(answer)).toBe('409 project_closed');
    });

    it('is cancelled when it was first', async () => {
      const { projectId, tasks } = await inProject();
      await ask(tasks[0]!.id, 'complete');
      await Promise.all([ask(tasks[0]!.id, 'reopen'), service.hear(aProjectClosed(caller, projectId, 'cancel'))]);
      const { status } = (await service.as(caller).get(`/tasks/${tasks[0]!.id}`)).json<Task>();
      expect(['completed', 'cancelled']).toContain(status);
    });
  });

  describe.each(['reopen', 'cancel'] as const)('either way, such as %s', (what) => {
    // Guarantees that a stranger cannot learn whether a task exists: the answer is 404, never 403.
    it("404 for another organization's task, and for one that never was", async () => {
      const task = await aTask();
      for (const [who, id] of [
        [aCaller(), task.id],
        [caller, newId('tsk')],
      ] as const)
        expect((await service.as(who).post(`/tasks/${id}/${what}`)).statusCode).toBe(404);
    });

    it('412 when the task has changed since it was read', async () => {
      const task = await aTask();
      expect(await refusal(ask(task.id, what, {}, { 'if-match': 'W/"2"' }))).toBe('412 version_conflict');
    });

    it('422 for a body that says something', async () => {
      const task = await aTask();
      const answer = await ask(task.id, what, { because: 'no' });
      expect([answer.statusCode, answer.json().errors]).toEqual([
        422,
        [expect.objectContaining({ pointer: '/because', code: 'unknown_field' })],
      ]);
    });
  });
});
