import type { Task, TaskOperation } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { aProjectClosed, aProjectCreated, plannedTasks } from '../reactions/project-news.examples';
import { startTasks, type Answer, type TasksService } from '../tasks-service.examples';

interface Outcome {
  status: number;
  task?: Task;
  problem?: { code: string; status: number; request_id: string; errors?: { pointer: string }[] };
}
interface Batch {
  object: 'list';
  data: Outcome[];
}

describe('POST /tasks/batch', () => {
  const caller = aCaller();
  let service: TasksService;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aTask = async (body: object = {}) => (await service.as(caller).post('/tasks', { title: 'Call', ...body })).json<Task>();
  const find = async (id: string) => (await service.as(caller).get(`/tasks/${id}`)).json<Task>();
  const typesOf = async (id: string) => (await service.eventsOf(caller, id)).map(({ type }) => type);
  const batch = (mode: 'atomic' | 'best_effort', operations: object[], headers: Record<string, string> = {}, whose = caller) =>
    service.as(whose).post('/tasks/batch', { mode, operations }, headers);
  const outcomes = (answer: Answer) =>
    answer.json<Batch>().data.map(({ status, problem }) => (problem ? `${status} ${problem.code}` : status));
  const errorsOf = (answer: Answer) => [
    answer.statusCode,
    answer.json().code,
    ...answer.json().errors.map(({ pointer, code }) => `${pointer} ${code}`),
  ];

  describe.each(['atomic', 'best_effort'] as const)('%s', (mode) => {
    it('does every kind of operation, in order, and answers each as the request alone would have been', async () => {
      const asha = newId('usr');
      const [changed, assigned, done, cancelled, reopened] = [await aTask(), await aTask(), await aTask(), await aTask(), await aTask()];
      await service.as(caller).post(`/tasks/${reopened.id}/complete`);
      const answer = await batch(mode, [
        { op: 'create', task: { title: 'New', assignee_id: asha, due_on: '2026-12-01' } },
        { op: 'update', id: changed.id, task: { title: 'Changed', metadata: { po: '1' } } },
        { op: 'assign', id: assigned.id, assignee_id: asha },
        { op: 'complete', id: done.id },
        { op: 'cancel', id: cancelled.id },
        { op: 'reopen', id: reopened.id },
      ] satisfies TaskOperation[]);
      expect(answer.statusCode).toBe(200);
      expect(answer.json<Batch>().object).toBe('list');
      expect(outcomes(answer)).toEqual([201, 200, 200, 200, 200, 200]);
      const shown = answer.json<Batch>().data.map(({ task }) => task!);
      expect(shown.slice(1).map(({ id }) => id)).toEqual([changed, assigned, done, cancelled, reopened].map(({ id }) => id));
      expect(shown.map(({ title, status }) => `${title} ${status}`)).toEqual([
        'New open',
        'Changed open',
        'Call open',
        'Call completed',
        'Call cancelled',
        'Call open',
      ]);
      for (const task of shown) expect(await find(task.id)).toEqual(task);
      expect(await typesOf(shown[0]!.id)).toEqual(['task.created', 'task.assigned']);
    });

    it('lets operations on one task see each other', async () => {
      const task = await aTask();
      const answer = await batch(mode, [
        { op: 'complete', id: task.id },
        { op: 'complete', id: task.id },
        { op: 'reopen', id: task.id },
        { op: 'update', id: task.id, task: { title: 'Call back' } },
        { op: 'cancel', id: task.id },
      ]);
      expect(answer.json<Batch>().data.map(({ task: shown }) => [shown!.status, shown!.version])).toEqual([
        ['completed', 2],
        ['completed', 2],
        ['open', 3],
        ['open', 4],
        ['cancelled', 5],
      ]);
      expect(await find(task.id)).toEqual(answer.json<Batch>().data.at(-1)!.task);
      expect(await typesOf(task.id)).toEqual(['task.created', 'task.completed', 'task.reopened', 'task.updated', 'task.cancelled']);
    });

    it('lets operations on one task see what became of those it depends on', async () => {
      const first = await aTask();
      const second = await aTask({ depends_on: [first.id] });
      const answer = await batch(mode, [
        { op: 'complete', id: first.id },
        { op: 'complete', id: second.id },
      ]);
      expect(outcomes(answer)).toEqual([200, 200]);
    });

    it('happens once for many twins, and is replayed with the same bytes', async () => {
      const task = await aTask();
      const key = { 'idempotency-key': newId('idem') };
      const operations = [
        { op: 'create', task: { title: 'New' } },
        { op: 'complete', id: task.id },
      ];
      const answers = await Promise.all(Array.from({ length: 10 }, () => batch(mode, operations, key)));
      await service.as(caller).post(`/tasks/${task.id}/reopen`);
      answers.push(await batch(mode, operations, key));
      expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
      expect(answers.at(-1)!.headers['idempotent-replayed']).toBe('true');
      expect(await typesOf(task.id)).toEqual(['task.created', 'task.completed', 'task.reopened']);
    });

    it('is decided again when another was first', async () => {
      const tasks = await Promise.all(Array.from({ length: 6 }, () => aTask()));
      const forth = tasks.map(({ id }, index) => ({ op: 'update', id, task: { description: `forth ${index}` } }));
      const back = [...tasks].reverse().map(({ id }) => ({ op: 'update', id, task: { priority: 'high' } }));
      const answers = await Promise.all([
        batch(mode, forth),
        batch(mode, back),
        ...tasks.map(({ id }) => service.as(caller).patch(`/tasks/${id}`, { metadata: { single: 'yes' } })),
      ]);
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(8).fill(200));
      for (const [index, { id }] of tasks.entries())
        expect(await find(id)).toMatchObject({ description: `forth ${index}`, priority: 'high', metadata: { single: 'yes' }, version: 4 });
    });

    it('takes a hundred operations', async () => {
      const answer = await batch(
        mode,
        Array.from({ length: 100 }, (_, index) => ({ op: 'create', task: { title: `Task ${index}` } })),
      );
      expect(answer.json<Batch>().data.map(({ task }) => task!.title)).toEqual(Array.from({ length: 100 }, (_, index) => `Task ${index}`));
    });

    it('422 names every bad field of every operation, and does nothing', async () => {
      const task = await aTask();
      const answer = await batch(mode, [
        { op: 'complete', id: task.id },
        { op: 'create', task: { title: '', due_on: 'soon' } },
        { op: 'assign', id: newId('prj') },
        { op: 'fly', id: task.id },
        { id: task.id },
        { op: 'cancel', id: task.id, because: 'no' },
      ]);
      expect(errorsOf(answer)).toEqual([
        422,
        'validation_failed',
        '/operations/1/task/due_on not_a_date',
        '/operations/1/task/title too_short',
        '/operations/2/assignee_id required',
        '/operations/2/id wrong_id_type',
        '/operations/3/op not_allowed',
        '/operations/4/op required',
        '/operations/5/because unknown_field',
      ]);
      expect(await find(task.id)).toEqual(task);
    });

    it('422 names what contradicts itself', async () => {
      const task = await aTask();
      const due = { due_on: '2026-12-01', due_at: '2026-12-01T10:00:00Z' };
      const answer = await batch(mode, [
        { op: 'create', task: { title: 'New', ...due } },
        { op: 'update', id: task.id, task: due },
      ]);
      expect(errorsOf(answer)).toEqual([
        422,
        'validation_failed',
        '/operations/0/task/due_at not_allowed',
        '/operations/1/task/due_at not_allowed',
      ]);
    });
  });

  describe('best_effort', () => {
    it('does what can be done, and says of the rest what the request alone would have been answered', async () => {
      const [done, open] = [await aTask(), await aTask()];
      const theirs = (await service.as(aCaller()).post('/tasks', { title: 'Theirs' })).json<Task>();
      await service.as(caller).post(`/tasks/${done.id}/complete`);
      const answer = await batch('best_effort', [
        { op: 'assign', id: done.id, assignee_id: newId('usr') },
        { op: 'complete', id: theirs.id },
        { op: 'create', task: { title: 'In nothing', project_id: newId('prj') } },
        { op: 'update', id: open.id, task: { checklist: [{ done: true }] } },
        { op: 'update', id: open.id, task: { depends_on: [open.id] } },
        { op: 'complete', id: open.id },
      ]);
      expect(outcomes(answer)).toEqual([
        '409 task_completed',
        '404 not_found',
        '422 unknown_reference',
        '422 validation_failed',
        '422 dependency_cycle',
        200,
      ]);
      const alone = (await service.as(caller).post(`/tasks/${done.id}/assign`, { assignee_id: null })).json();
      const problem = answer.json<Batch>().data[0]!.problem!;
      expect({ ...problem, request_id: '' }).toEqual({ ...alone, request_id: '' });
      expect(answer.json<Batch>().data[2]!.problem!.errors![0]!.pointer).toBe('/project_id');
      expect(await find(open.id)).toMatchObject({ status: 'completed', version: 2 });
      expect(await typesOf(done.id)).toEqual(['task.created', 'task.completed']);
    });

    it('remembers refusals with the rest: a replay tries nothing anew', async () => {
      const first = await aTask();
      const second = await aTask({ depends_on: [first.id] });
      const key = { 'idempotency-key': newId('idem') };
      const operations = [
        { op: 'complete', id: second.id },
        { op: 'complete', id: first.id },
      ];
      const answer = await batch('best_effort', operations, key);
      expect(outcomes(answer)).toEqual(['409 task_blocked', 200]);
      expect((await batch('best_effort', operations, key)).body).toBe(answer.body);
      expect((await find(second.id)).status).toBe('open');
      expect(outcomes(await batch('best_effort', operations))).toEqual([200, 200]);
    });

    it('refuses the dependency that would close a cycle with one before it', async () => {
      const [a, b] = [await aTask(), await aTask()];
      const answer = await batch('best_effort', [
        { op: 'update', id: a.id, task: { depends_on: [b.id] } },
        { op: 'update', id: b.id, task: { depends_on: [a.id] } },
      ]);
      expect(outcomes(answer)).toEqual([200, '422 dependency_cycle']);
    });

    it('never closes a cycle with another batch at the same moment', async () => {
      for (let round = 0; round < 10; round++) {
        const [a, b] = [await aTask(), await aTask()];
        const depend = (id: string, on: string) => batch('best_effort', [{ op: 'update', id, task: { depends_on: [on] } }]);
        const answers = await Promise.all([depend(a.id, b.id), depend(b.id, a.id)]);
        expect(answers.flatMap(outcomes).map(String).sort()).toEqual(['200', '422 dependency_cycle']);
      }
    });
  });

  describe('atomic', () => {
    it('does nothing when one operation is refused, and names each that is', async () => {
      const [task, done] = [await aTask(), await aTask()];
      await service.as(caller).post(`/tasks/${done.id}/complete`);
      const answer = await batch('atomic', [
        { op: 'complete', id: task.id },
        { op: 'create', task: { title: 'New', metadata: { batch: 'refused' } } },
        { op: 'cancel', id: done.id },
        { op: 'create', task: { title: 'In nothing', project_id: newId('prj'), depends_on: [newId('tsk')] } },
        { op: 'complete', id: newId('tsk') },
      ]);
      expect(errorsOf(answer)).toEqual([
        409,
        'batch_failed',
        '/operations/2 task_completed',
        '/operations/3/task/project_id unknown_reference',
        '/operations/3/task/depends_on/0 unknown_reference',
        '/operations/4 not_found',
      ]);
      expect(await find(task.id)).toEqual(task);
      expect((await service.as(caller).get('/tasks?metadata[batch]=refused')).json<{ data: Task[] }>().data).toEqual([]);
    });

    it('remembers the refusal', async () => {
      const task = await aTask();
      const key = { 'idempotency-key': newId('idem') };
      const operations = [
        { op: 'reopen', id: task.id },
        { op: 'complete', id: newId('tsk') },
      ];
      const answer = await batch('atomic', operations, key);
      const again = await batch('atomic', operations, key);
      expect([again.statusCode, again.body, again.headers['idempotent-replayed']]).toEqual([409, answer.body, 'true']);
    });

    it('all commits in one transaction', async () => {
      const [a, b] = [await aTask(), await aTask()];
      await batch('atomic', [
        { op: 'complete', id: b.id },
        { op: 'complete', id: a.id },
      ]);
      const transactions = await Promise.all([a, b].map(async ({ id }) => (await service.eventsOf(caller, id)).at(-1)!.transaction));
      expect(new Set(transactions).size).toBe(1);
    });
  });

  it('refuses new tasks of a closed project, and takes it well when the project closes meanwhile', async () => {
    const news = aProjectCreated(caller);
    await service.hear(news);
    const [measure] = plannedTasks(news);
    const operations = [
      { op: 'create', task: { title: 'Late', project_id: news.subject } },
      { op: 'update', id: measure!.id, task: { title: 'Measure twice' } },
    ];
    const [answer] = await Promise.all([batch('best_effort', operations), service.hear(aProjectClosed(caller, news.subject, 'cancel'))]);
    expect(answer.statusCode).toBe(200);
    expect(outcomes(await batch('best_effort', operations))).toEqual(['409 project_closed', '409 task_cancelled']);
    const open = (await service.as(caller).get(`/tasks?project_id=${news.subject}&status=open`)).json<{ data: Task[] }>().data;
    expect(open).toEqual([]);
  });

  it('422 for no operation, more than a hundred, and no mode', async () => {
    const operation = { op: 'create', task: { title: 'x' } };
    expect(errorsOf(await batch('atomic', []))).toEqual([422, 'validation_failed', '/operations too_few']);
    expect(errorsOf(await batch('atomic', Array(101).fill(operation)))).toEqual([422, 'validation_failed', '/operations too_many']);
    expect(errorsOf(await service.as(caller).post('/tasks/batch', { operations: [operation] }))).toEqual([
      422,
      'validation_failed',
      '/mode required',
    ]);
  });

  it('403 without the scope', async () => {
    const reader = { ...caller, scopes: ['tasks:read'] };
    expect((await batch('atomic', [{ op: 'create', task: { title: 'x' } }], {}, reader)).statusCode).toBe(403);
  });
});
