import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { aProjectCreated, plannedTasks } from '../reactions/project-news.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

describe('PATCH /tasks/{id}', () => {
  const caller = aCaller();
  let service: TasksService;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aTask = async (body: object = {}) => (await service.as(caller).post('/tasks', { title: 'Call', ...body })).json<Task>();
  const update = (id: string, body: object, headers: Record<string, string> = {}) =>
    service.as(caller).patch(`/tasks/${id}`, body, headers);
  const lastEvent = async (id: string) => (await service.eventsOf(caller, id)).at(-1)!;
  const errorsOf = (answer: Awaited<ReturnType<typeof update>>) => [
    answer.statusCode,
    answer.json().code,
    ...answer.json().errors.map(({ pointer, code }) => `${pointer} ${code}`),
  ];
  const aProject = async () => {
    const news = aProjectCreated(caller);
    await service.hear(news);
    return { id: news.subject, milestones: news.data.project.milestones, tasks: plannedTasks(news) };
  };

  describe('200', () => {
    it('changes what is named and nothing else, as GET shows it, to the byte', async () => {
      const task = await aTask({
        assignee_id: newId('usr'),
        description: 'Long',
        due_on: '2026-12-01',
        metadata: { po: '4711', site: 'North' },
      });
      const answer = await update(task.id, {
        title: 'Call back',
        description: null,
        priority: 'urgent',
        due_at: '2020-12-03T10:00:00+05:30',
        checklist: [{ title: 'Find the number' }],
        metadata: { po: null, zeta: '1', a: '2' },
      });
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['etag']).toBe('W/"3"');
      expect(answer.json()).toEqual({
        ...task,
        title: 'Call back',
        description: null,
        priority: 'urgent',
        due_on: null,
        due_at: '2020-12-03T04:30:00.000Z',
        overdue: true,
        checklist: [{ key: 'item_1', title: 'Find the number', done: false }],
        metadata: { a: '2', site: 'North', zeta: '1' },
        version: 3,
        updated_at: expect.any(String),
      });
      expect((await service.as(caller).get(`/tasks/${task.id}`)).body).toBe(answer.body);
    });

    it('tells everybody what it was before: exactly what has changed', async () => {
      const task = await aTask({ due_on: '2026-12-01', metadata: { po: '4711' }, checklist: [{ title: 'Sign' }] });
      const answer = await update(task.id, {
        title: 'Call',
        due_at: '2026-12-03T04:30:00Z',
        metadata: { po: '4712' },
        checklist: [{ key: 'item_1', done: true }],
      });
      const { public: event } = await lastEvent(task.id);
      expect(event).toMatchObject({ type: 'task.updated', subject: task.id, data: { task: answer.json() } });
      expect(event.data['previous']).toEqual({ due_on: '2026-12-01', due_at: null, metadata: { po: '4711' }, checklist: task.checklist });
    });

    it('changes nothing when everything is so already', async () => {
      const task = await aTask({ checklist: [{ title: 'Sign', done: true }], metadata: { po: '4711' }, due_at: '2026-12-03T04:30:00Z' });
      const answers = [
        await update(task.id, {}),
        await update(task.id, {
          title: 'Call',
          checklist: [{ title: 'Sign' }],
          metadata: { po: '4711', so: null },
          due_at: '2026-12-03T10:00:00+05:30',
          depends_on: [],
        }),
      ];
      for (const answer of answers) expect([answer.statusCode, answer.json()]).toEqual([200, task]);
      expect(await service.eventsOf(caller, task.id)).toHaveLength(1);
    });

    it('moves the task to another milestone of its project, and out of any', async () => {
      const { milestones, tasks } = await aProject();
      const task = tasks[0]!;
      const moved = await update(task.id, { milestone_id: milestones[1]!.id });
      expect(moved.json()).toMatchObject({ milestone_id: milestones[1]!.id });
      expect((await lastEvent(task.id)).public.data['previous']).toEqual({ milestone_id: milestones[0]!.id });
      expect((await update(task.id, { milestone_id: null })).json()).toMatchObject({ milestone_id: null });
    });

    it('says at once whether it is blocked by what it depends on now, in the answer as in the event', async () => {
      const [task, first] = [await aTask(), await aTask()];
      const blocked = await update(task.id, { depends_on: [first.id] });
      expect(blocked.json()).toMatchObject({ depends_on: [first.id], blocked: true });
      expect((await lastEvent(task.id)).public.data).toMatchObject({ task: { blocked: true }, previous: { depends_on: [] } });
      expect((await update(task.id, { depends_on: [] })).json()).toMatchObject({ blocked: false });
    });

    it('is replayed with the same bytes', async () => {
      const task = await aTask();
      const key = { 'idempotency-key': newId('idem') };
      const first = await update(task.id, { title: 'One' }, key);
      await update(task.id, { title: 'Two' });
      const again = await update(task.id, { title: 'One' }, key);
      expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
      expect((await service.as(caller).get(`/tasks/${task.id}`)).json()).toMatchObject({ title: 'Two' });
    });
  });

  // Guarantees that a stranger cannot learn whether a task exists: the answer is 404, never 403.
  it("404 for another organization's task, and the other mode's", async () => {
    const task = await aTask();
    for (const who of [aCaller(), { ...caller, livemode: false }]) {
      const answer = await service.as(who).patch(`/tasks/${task.id}`, { title: 'Mine' });
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found']);
    }
    expect((await service.as(caller).get(`/tasks/${task.id}`)).json()).toEqual(task);
  });

  describe('409', () => {
    it.each([
      ['complete', 'task_completed'],
      ['cancel', 'task_cancelled'],
    ])('after %s: %s', async (end, code) => {
      const task = await aTask();
      await service.as(caller).post(`/tasks/${task.id}/${end}`);
      const answer = await update(task.id, { title: 'Too late', depends_on: [newId('tsk')] });
      expect([answer.statusCode, answer.json().code]).toEqual([409, code]);
    });
  });

  it('412 when the task has changed since it was read', async () => {
    const task = await aTask();
    expect((await update(task.id, { title: 'x' }, { 'if-match': 'W/"2"' })).statusCode).toBe(412);
    expect((await update(task.id, { title: 'x' }, { 'if-match': 'W/"1"' })).statusCode).toBe(200);
  });

  describe('422', () => {
    it('names every bad field, what cannot be changed among them', async () => {
      const task = await aTask();
      const answer = await update(task.id, {
        title: '',
        project_id: newId('prj'),
        status: 'completed',
        assignee_id: null,
        priority: null,
        metadata: { po: 5 },
        checklist: [{ key: 'a' }, { done: 'yes' }],
      });
      expect(errorsOf(answer)).toEqual([
        422,
        'validation_failed',
        '/assignee_id unknown_field',
        '/checklist/1/done wrong_type',
        '/metadata/po wrong_type',
        '/priority wrong_type',
        '/project_id unknown_field',
        '/status unknown_field',
        '/title too_short',
      ]);
    });

    it('names what contradicts itself', async () => {
      const task = await aTask();
      const twice = newId('tsk');
      const answer = await update(task.id, {
        due_on: '2026-12-01',
        due_at: '2026-12-01T10:00:00Z',
        checklist: [
          { key: 'a', title: 'A' },
          { key: 'a', title: 'B' },
        ],
        depends_on: [twice, twice],
      });
      expect(errorsOf(answer)).toEqual([
        422,
        'validation_failed',
        '/due_at not_allowed',
        '/checklist/1/key duplicate',
        '/depends_on/1 duplicate',
      ]);
    });

    it('names what is wrong only for this task, and leaves the key free', async () => {
      const task = await aTask({ metadata: Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 'v'])) });
      const key = { 'idempotency-key': newId('idem') };
      const body = { metadata: { more: 'v' } };
      expect(errorsOf(await update(task.id, body, key))).toEqual([422, 'validation_failed', '/metadata too_many']);
      await update(task.id, { metadata: { k0: null } });
      expect((await update(task.id, body, key)).statusCode).toBe(200);
    });

    it('unknown_reference for milestones and tasks elsewhere, whoever’s they are', async () => {
      const [here, there] = [await aProject(), await aProject()];
      const alone = await aTask();
      const theirs = (await service.as(aCaller()).post('/tasks', { title: 'Theirs' })).json<Task>();
      const inProject = await update(here.tasks[0]!.id, {
        milestone_id: there.milestones[0]!.id,
        depends_on: [here.tasks[2]!.id, there.tasks[0]!.id, alone.id, theirs.id, newId('tsk')],
      });
      expect(errorsOf(inProject)).toEqual([
        422,
        'unknown_reference',
        '/milestone_id unknown_reference',
        ...[1, 2, 3, 4].map((index) => `/depends_on/${index} unknown_reference`),
      ]);
      expect(errorsOf(await update(alone.id, { milestone_id: here.milestones[0]!.id, depends_on: [here.tasks[0]!.id] }))).toEqual([
        422,
        'unknown_reference',
        '/milestone_id unknown_reference',
        '/depends_on/0 unknown_reference',
      ]);
    });
  });

  it('403 without the scope, whether the task exists or not', async () => {
    const task = await aTask();
    const reader = { ...caller, scopes: ['tasks:read'] };
    for (const id of [task.id, newId('tsk')]) expect((await service.as(reader).patch(`/tasks/${id}`, { title: 'x' })).statusCode).toBe(403);
  });
});
