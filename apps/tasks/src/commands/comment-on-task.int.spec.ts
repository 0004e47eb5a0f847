import type { Task, TaskComment } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startTasks, type TasksService } from '../tasks-service.examples';

interface Page {
  data: TaskComment[];
  has_more: boolean;
  next_cursor: string | null;
}

describe('comments on a task', () => {
  const caller = aCaller();
  let service: TasksService;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aTask = async (body: object = {}) => (await service.as(caller).post('/tasks', { title: 'Call', ...body })).json<Task>();
  const say = (id: string, body: string, headers: Record<string, string> = {}) =>
    service.as(caller).post(`/tasks/${id}/comments`, { body }, headers);
  const list = (id: string, query = '', whose = caller) => service.as(whose).get(`/tasks/${id}/comments${query}`);
  const page = async (id: string, query = '') => (await list(id, query)).json<Page>();

  describe('POST /tasks/{id}/comments', () => {
    it('201 with the comment, its author, and when it was said', async () => {
      const task = await aTask();
      const answer = await say(task.id, 'The glass arrives on Friday.');
      const comment = answer.json<TaskComment>();
      expect(answer.statusCode).toBe(201);
      expect(answer.headers).toMatchObject({ location: `/tasks/${task.id}/comments`, etag: 'W/"1"' });
      expect(comment).toEqual({
        id: expect.stringMatching(/^cmt_/),
        object: 'comment',
        task_id: task.id,
        body: 'The glass arrives on Friday.',
        author: caller.actor,
        created_at: expect.stringMatching(/Z$/),
        updated_at: comment.created_at,
        version: 1,
      });
    });

    it('tells everybody, with the task as GET shows it', async () => {
      const first = await aTask();
      const task = await aTask({ depends_on: [first.id] });
      const comment = (await say(task.id, 'Soon.')).json<TaskComment>();
      const event = (await service.eventsOf(caller, task.id)).at(-1)!.public;
      const shown = (await service.as(caller).get(`/tasks/${task.id}`)).json<Task>();
      expect(shown).toEqual({ ...task, version: 2, updated_at: comment.created_at });
      expect(event).toMatchObject({ type: 'task.commented', subject: task.id });
      expect(event.data).toEqual({ task: shown, comment, previous: {} });
    });

    it('is possible whatever became of the task', async () => {
      const task = await aTask();
      await service.as(caller).post(`/tasks/${task.id}/complete`);
      expect((await say(task.id, 'Well done.')).statusCode).toBe(201);
      await service.as(caller).post(`/tasks/${task.id}/reopen`);
      expect((await page(task.id)).data).toHaveLength(1);
    });

    it('happens once for many twins', async () => {
      const task = await aTask();
      const key = { 'idempotency-key': newId('idem') };
      const answers = await Promise.all(Array.from({ length: 10 }, () => say(task.id, 'Once', key)));
      expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
      expect((await page(task.id)).data).toHaveLength(1);
    });

    it('loses none that are said at the same moment', async () => {
      const task = await aTask();
      const answers = await Promise.all(Array.from({ length: 4 }, (_, index) => say(task.id, `${index}`)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(4).fill(201));
      expect((await page(task.id)).data.map(({ body }) => body).sort()).toEqual(['0', '1', '2', '3']);
      expect(await service.eventsOf(caller, task.id)).toHaveLength(5);
    });

    it('422 for nothing said, and for too much', async () => {
      const task = await aTask();
      for (const [body, code] of [
        ['', 'too_short'],
        ['x'.repeat(10_001), 'too_long'],
      ] as const) {
        const answer = await say(task.id, body);
        expect([answer.statusCode, answer.json().errors]).toEqual([422, [expect.objectContaining({ pointer: '/body', code })]]);
      }
      expect((await say(task.id, '…'.repeat(10_000))).statusCode).toBe(201);
    });
  });

  describe('GET /tasks/{id}/comments', () => {
    it('is newest first, in pages, and shows each as it was answered', async () => {
      const task = await aTask();
      const comments = [];
      for (const body of ['one', 'two', 'three']) comments.push((await say(task.id, body)).json<TaskComment>());
      await say((await aTask()).id, 'about something else');
      const first = await page(task.id, '?limit=2');
      expect([first.data, first.has_more]).toEqual([[comments[2], comments[1]], true]);
      await say(task.id, 'four');
      expect(await page(task.id, `?limit=2&cursor=${first.next_cursor}`)).toMatchObject({ data: [comments[0]], has_more: false });
    });

    it('is empty while nobody has said anything', async () => {
      expect(await page((await aTask()).id)).toEqual({ object: 'list', data: [], has_more: false, next_cursor: null });
    });

    it('400 for the cursor of another task’s comments', async () => {
      const [task, another] = [await aTask(), await aTask()];
      for (const body of ['one', 'two']) await say(task.id, body);
      const { next_cursor } = await page(task.id, '?limit=1');
      expect((await list(another.id, `?cursor=${next_cursor}`)).json().code).toBe('cursor_mismatch');
    });
  });

  // Guarantees that a stranger cannot learn whether a task exists: the answer is 404, never 403 and never an empty list.
  it("404 for another organization's task, the other mode's, and one that never was", async () => {
    const task = await aTask();
    await say(task.id, 'Ours');
    for (const [who, id] of [
      [aCaller(), task.id],
      [{ ...caller, livemode: false }, task.id],
      [caller, newId('tsk')],
    ] as const) {
      expect((await list(id, '', who)).statusCode).toBe(404);
      expect((await service.as(who).post(`/tasks/${id}/comments`, { body: 'Theirs' })).statusCode).toBe(404);
    }
    expect((await page(task.id)).data).toHaveLength(1);
  });

  it('403 without the scope', async () => {
    const task = await aTask();
    const reader = { ...caller, scopes: ['tasks:read'] };
    expect((await service.as(reader).post(`/tasks/${task.id}/comments`, { body: 'x' })).statusCode).toBe(403);
    expect((await list(task.id, '', { ...caller, scopes: ['tasks:write'] })).statusCode).toBe(403);
  });
});
