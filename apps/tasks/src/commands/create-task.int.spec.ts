import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { aProjectClosed, aProjectCreated, plannedTasks } from '../reactions/project-news.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

describe('POST /tasks', () => {
  let service: TasksService;
  let caller: ReturnType<typeof aCaller>;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller({ timeZone: 'Asia/Kolkata' });
  });
  afterAll(() => service.stop());

  const create = (body: object, headers: Record<string, string> = {}) => service.as(caller).post('/tasks', body, headers);
  const created = async (body: object) => (await create(body)).json<Task>();
  const aProject = async (whose = caller) => {
    const news = aProjectCreated(whose);
    await service.hear(news);
    return { id: news.subject, milestones: news.data.project.milestones, tasks: plannedTasks(news) };
  };

  describe('201', () => {
    it('makes an open task with the defaults said out loud', async () => {
      const answer = await create({ title: 'Order the glass partitions' });
      const task = answer.json<Task>();
      expect(answer.statusCode).toBe(201);
      expect(answer.headers).toMatchObject({ location: `/tasks/${task.id}`, etag: 'W/"1"' });
      expect(task).toEqual({
        id: expect.stringMatching(/^tsk_/),
        object: 'task',
        project_id: null,
        milestone_id: null,
        key: null,
        title: 'Order the glass partitions',
        description: null,
        status: 'open',
        assignee_id: null,
        priority: 'normal',
        due_on: null,
        due_at: null,
        time_zone: 'Asia/Kolkata',
        overdue: false,
        checklist: [],
        depends_on: [],
        blocked: false,
        metadata: {},
        completed_at: null,
        completed_by: null,
        cancelled_at: null,
        created_at: task.created_at,
        updated_at: task.created_at,
        version: 1,
      });
    });

    it('answers what GET answers, to the byte', async () => {
      const answer = await create({
        title: 'Order the glass partitions',
        description: 'Toughened, 12 mm',
        assignee_id: newId('usr'),
        due_on: '2020-02-29',
        time_zone: 'America/New_York',
        priority: 'urgent',
        checklist: [{ title: 'Ask for three quotes' }, { key: 'sign', title: 'Sign', done: true }],
        metadata: { po: '4711' },
      });
      const read = await service.as(caller).get(answer.headers['location'] as string);
      expect(answer.json()).toMatchObject({
        overdue: true,
        version: 2,
        checklist: [
          { key: 'item_1', done: false },
          { key: 'sign', done: true },
        ],
      });
      expect(read.body).toBe(answer.body);
      expect(read.headers['etag']).toBe(answer.headers['etag']);
    });

    it('reads an instant of any offset', async () => {
      expect(await created({ title: 'Call', due_at: '2026-11-24T10:00:00+05:30' })).toMatchObject({
        due_on: null,
        due_at: '2026-11-24T04:30:00.000Z',
      });
    });

    it('tells first that it was made, then whose queue it landed in, in one transaction', async () => {
      const assignee_id = newId('usr');
      const task = await created({ title: 'Call', assignee_id });
      const events = await service.eventsOf(caller, task.id);
      expect(events.map(({ type, version, log_key }) => ({ type, version, log_key }))).toEqual([
        { type: 'task.created', version: 1, log_key: task.id },
        { type: 'task.assigned', version: 2, log_key: task.id },
      ]);
      expect(new Set(events.map(({ transaction }) => transaction)).size).toBe(1);
      expect(events[1]!.public.data).toEqual({ task, previous: { assignee_id: null } });
    });

    it("stands in a milestone of a project, in that project's zone, in its order", async () => {
      caller = aCaller({ timeZone: 'Europe/Paris' });
      const project = await aProject();
      const task = await created({ title: 'Call', project_id: project.id, milestone_id: project.milestones[1]!.id });
      expect(task).toMatchObject({ project_id: project.id, milestone_id: project.milestones[1]!.id, time_zone: 'Asia/Kolkata' });
      expect((await service.eventsOf(caller, task.id))[0]).toMatchObject({ log_key: project.id, public: { project_id: project.id } });
    });

    it('is blocked while what it depends on is open', async () => {
      const first = await created({ title: 'First' });
      const second = await created({ title: 'Second', depends_on: [first.id] });
      expect(second.blocked).toBe(true);
      await service.as(caller).post(`/tasks/${first.id}/complete`, {});
      expect((await service.as(caller).get(`/tasks/${second.id}`)).json()).toMatchObject({ blocked: false, depends_on: [first.id] });
      expect(await created({ title: 'Third', depends_on: [first.id] })).toMatchObject({ blocked: false });
    });

    it('is one task for one key, and the same bytes again', async () => {
      const key = { 'idempotency-key': newId('idem') };
      const first = await create({ title: 'Call' }, key);
      const again = await create({ title: 'Call' }, key);
      expect(again.body).toBe(first.body);
      expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', location: first.headers['location'], etag: 'W/"1"' });
      expect((await service.as(caller).get('/tasks')).json<{ data: Task[] }>().data).toHaveLength(1);
    });

    // A retry must get its answer even if the project has been closed since.
    it('is replayed whatever has become of the project', async () => {
      const project = await aProject();
      const key = { 'idempotency-key': newId('idem') };
      const first = await create({ title: 'Call', project_id: project.id }, key);
      await service.hear(aProjectClosed(caller, project.id, 'cancel'));
      const again = await create({ title: 'Call', project_id: project.id }, key);
      expect([again.statusCode, again.body]).toEqual([201, first.body]);
    });
  });

  describe('409', () => {
    it('project_closed: takes no new tasks, and says so again to a retry', async () => {
      const project = await aProject();
      await service.hear(aProjectClosed(caller, project.id, 'none'));
      const key = { 'idempotency-key': newId('idem') };
      const refusal = await create({ title: 'Late', project_id: project.id }, key);
      expect([refusal.statusCode, refusal.json().code]).toEqual([409, 'project_closed']);
      expect((await create({ title: 'Late', project_id: project.id }, key)).body).toBe(refusal.body);
    });

    it('idempotency_key_reused: a key stands for one request', async () => {
      const key = { 'idempotency-key': newId('idem') };
      await create({ title: 'Call' }, key);
      const other = await create({ title: 'Call back' }, key);
      expect([other.statusCode, other.json().code]).toEqual([409, 'idempotency_key_reused']);
    });
  });

  describe('422', () => {
    const errorsOf = async (body: object) => {
      const answer = await create(body);
      expect(answer.statusCode).toBe(422);
      return answer.json();
    };
    const pointers = ({ errors }: { errors: { pointer: string; code: string }[] }) =>
      errors.map(({ pointer, code }) => `${pointer} ${code}`).sort();

    it('unknown_reference: names everything that does not exist', async () => {
      const problem = await errorsOf({ title: 'Call', project_id: newId('prj'), depends_on: [newId('tsk'), newId('tsk')] });
      expect(problem.code).toBe('unknown_reference');
      expect(pointers(problem)).toEqual([
        '/depends_on/0 unknown_reference',
        '/depends_on/1 unknown_reference',
        '/project_id unknown_reference',
      ]);
    });

    it('unknown_reference: a milestone of another project', async () => {
      const [project, other] = [await aProject(), await aProject()];
      const problem = await errorsOf({ title: 'Call', project_id: project.id, milestone_id: other.milestones[0]!.id });
      expect(pointers(problem)).toEqual(['/milestone_id unknown_reference']);
    });

    // Guarantees that a stranger cannot learn that something exists: the answer is the one for ids that never were.
    it("unknown_reference: what is another organization's, or of the other mode", async () => {
      const project = await aProject();
      for (const stranger of [aCaller(), { ...caller, livemode: false }]) {
        caller = stranger;
        const theirs = await errorsOf({ title: 'Call', project_id: project.id, depends_on: [project.tasks[0]!.id] });
        const nobodys = await errorsOf({ title: 'Call', project_id: newId('prj'), depends_on: [newId('tsk')] });
        expect({ ...theirs, request_id: '' }).toEqual({ ...nobodys, request_id: '' });
      }
    });

    it('validation_failed: names all that is wrong at once', async () => {
      const problem = await errorsOf({
        title: 'x'.repeat(201),
        assignee_id: newId('prj'),
        priority: 'asap',
        colour: 'red',
        due_on: '2026-02-30',
      });
      expect(problem.code).toBe('validation_failed');
      expect(pointers(problem)).toEqual([
        '/assignee_id wrong_id_type',
        '/colour unknown_field',
        '/due_on not_a_date',
        '/priority not_allowed',
        '/title too_long',
      ]);
    });

    it('validation_failed: fields that contradict each other', async () => {
      const problem = await errorsOf({
        title: 'Call',
        due_on: '2026-11-24',
        due_at: '2026-11-24T10:00:00Z',
        milestone_id: newId('mst'),
        checklist: [
          { key: 'a', title: 'A' },
          { key: 'a', title: 'B' },
        ],
      });
      expect(pointers(problem)).toEqual(['/checklist/1/key duplicate', '/due_at not_allowed', '/project_id required']);
    });

    // Each of these is a date by its form, and would end in an error of the database.
    it.each([
      ['due_on', '0000-01-01', 'not_a_date'],
      ['due_on', '1999-12-31', 'out_of_range'],
      ['due_on', '2200-01-01', 'out_of_range'],
      ['due_at', '0000-01-01T00:00:00Z', 'not_an_instant'],
      ['due_at', '2200-01-01T00:00:00Z', 'out_of_range'],
      ['due_at', '2199-12-31T23:59:59-05:00', 'out_of_range'],
      ['due_at', '2026-12-31T23:59:60Z', 'not_an_instant'],
    ])('validation_failed: a %s of %s, which nothing can be planned for', async (field, value, code) => {
      expect(pointers(await errorsOf({ title: 'Call', [field]: value }))).toEqual([`/${field} ${code}`]);
    });

    it.each([
      ['due_on', '2000-01-01'],
      ['due_on', '2199-12-31'],
      ['due_at', '2199-12-31T23:59:59Z'],
    ])('no complaint about a %s of %s', async (field, value) => {
      for (const time_zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago'])
        expect((await create({ title: 'Call', [field]: value, time_zone })).statusCode).toBe(201);
    });

    it('leaves nothing behind', async () => {
      await create({ title: 'Call', project_id: newId('prj') });
      await create({ title: '' });
      expect((await service.as(caller).get('/tasks')).json<{ data: Task[] }>().data).toEqual([]);
    });
  });

  describe('before anything is looked at', () => {
    it('400 without an idempotency key', async () => {
      const answer = await create({ title: 'Call' }, { 'idempotency-key': '' });
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'idempotency_key_missing']);
    });
    it('401 without a caller', async () => {
      const answer = await service.asNobody().post('/tasks', { title: 'Call' });
      expect([answer.statusCode, answer.json().code]).toEqual([401, 'unauthenticated']);
    });
    it('403 without the scope', async () => {
      caller = aCaller({ scopes: ['tasks:read'] });
      const answer = await create({ title: 'Call' });
      expect([answer.statusCode, answer.json().code]).toEqual([403, 'scope_missing']);
    });
  });
});
