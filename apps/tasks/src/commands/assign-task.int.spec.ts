import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startTasks, type TasksService } from '../tasks-service.examples';

describe('POST /tasks/{id}/assign', () => {
  const caller = aCaller();
  let service: TasksService;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aTask = async (body: object = {}) => (await service.as(caller).post('/tasks', { title: 'Call', ...body })).json<Task>();
  const assign = (id: string, assignee_id: string | null, headers: Record<string, string> = {}) =>
    service.as(caller).post(`/tasks/${id}/assign`, { assignee_id }, headers);
  const lastEvent = async (id: string) => (await service.eventsOf(caller, id)).at(-1)!;

  describe('200', () => {
    it('moves the task to another queue, and tells from whose', async () => {
      const [from, to] = [newId('usr'), newId('usr')];
      const task = await aTask({ assignee_id: from });
      const answer = await assign(task.id, to);
      expect(answer.json()).toMatchObject({ assignee_id: to, version: 3 });
      expect(answer.headers['etag']).toBe('W/"3"');
      expect(await lastEvent(task.id)).toMatchObject({
        type: 'task.assigned',
        public: { data: { task: answer.json(), previous: { assignee_id: from } } },
      });
    });

    it('takes it out of every queue with null', async () => {
      const from = newId('usr');
      const task = await aTask({ assignee_id: from });
      const answer = await assign(task.id, null);
      expect(answer.json()).toMatchObject({ assignee_id: null });
      expect(await lastEvent(task.id)).toMatchObject({ type: 'task.unassigned', public: { data: { previous: { assignee_id: from } } } });
    });

    it('changes nothing when it is already so', async () => {
      const to = newId('usr');
      const task = await aTask({ assignee_id: to });
      expect((await assign(task.id, to)).json()).toEqual(task);
      expect(await service.eventsOf(caller, task.id)).toHaveLength(2);
    });

    it('answers what GET answers, to the byte, also about a blocked task', async () => {
      const first = await aTask();
      const task = await aTask({ depends_on: [first.id] });
      const answer = await assign(task.id, newId('usr'));
      expect(answer.json()).toMatchObject({ blocked: true });
      expect((await service.as(caller).get(`/tasks/${task.id}`)).body).toBe(answer.body);
    });

    it('is replayed with the same bytes', async () => {
      const task = await aTask();
      const key = { 'idempotency-key': newId('idem') };
      const to = newId('usr');
      const first = await assign(task.id, to, key);
      await assign(task.id, null);
      const again = await assign(task.id, to, key);
      expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
    });
  });

  // Guarantees that a stranger cannot learn whether a task exists: the answer is 404, never 403, and no byte differs.
  it("404 for another organization's task, the other mode's, and one that never was", async () => {
    const task = await aTask();
    const bodies = [];
    for (const [who, id] of [
      [aCaller(), task.id],
      [{ ...caller, livemode: false }, task.id],
      [caller, newId('tsk')],
    ] as const) {
      const answer = await service.as(who).post(`/tasks/${id}/assign`, { assignee_id: null });
      expect(answer.statusCode).toBe(404);
      bodies.push({ ...answer.json(), request_id: '' });
    }
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
  });

  describe('409', () => {
    it('task_completed', async () => {
      const task = await aTask();
      await service.as(caller).post(`/tasks/${task.id}/complete`, {});
      const answer = await assign(task.id, newId('usr'));
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'task_completed']);
    });
  });

  it('412 when the task has changed since it was read', async () => {
    const task = await aTask();
    const answer = await assign(task.id, newId('usr'), { 'if-match': 'W/"7"' });
    expect([answer.statusCode, answer.json().code]).toEqual([412, 'version_conflict']);
  });

  it('422 when nobody is named, or something that is no person', async () => {
    const task = await aTask();
    const missing = await service.as(caller).post(`/tasks/${task.id}/assign`, {});
    expect([missing.statusCode, missing.json().errors]).toEqual([
      422,
      [expect.objectContaining({ pointer: '/assignee_id', code: 'required' })],
    ]);
    const wrong = await assign(task.id, newId('prj'));
    expect([wrong.statusCode, wrong.json().errors]).toEqual([
      422,
      [expect.objectContaining({ pointer: '/assignee_id', code: 'wrong_id_type' })],
    ]);
  });
});
