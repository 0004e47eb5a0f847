import * as fc from 'fast-check';
import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startTasks, type TasksService } from '../tasks-service.examples';
import { newestFirst } from './task-list';

type Query = Record<string, string | number>;
interface Page {
  data: Task[];
  has_more: boolean;
  next_cursor: string | null;
}

describe('GET /tasks, filtered', () => {
  let service: TasksService;
  let caller: ReturnType<typeof aCaller>;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller({ timeZone: 'Asia/Kolkata' });
  });
  afterAll(() => service.stop());

  const get = (query: Query) => service.as(caller).get(`/tasks?${new URLSearchParams(query as Record<string, string>).toString()}`);
  const titles = async (query: Query) => (await get({ limit: 100, ...query })).json<Page>().data.map(({ title }) => title);
  const create = async (title: string, body: object = {}) => (await service.as(caller).post('/tasks', { title, ...body })).json<Task>();
  const end = (id: string, how: 'complete' | 'cancel') =>
    service.as(caller).post(`/tasks/${id}/${how}`, how === 'complete' ? { force: true } : {});
  const errorsOf = async (query: Query) => {
    const answer = await get(query);
    return [answer.statusCode, ...answer.json().errors.map(({ pointer, code }) => `${pointer} ${code}`)];
  };

  describe('by the day on which a task falls due', () => {
    beforeEach(async () => {
      await create('never');
      await create('first', { due_on: '2026-12-01' });
      await create('second', { due_on: '2026-12-02' });
      await create('third', { due_on: '2026-12-03' });
    });

    it('takes both ends in', async () => {
      expect(await titles({ due_from: '2026-12-02' })).toEqual(['third', 'second']);
      expect(await titles({ due_until: '2026-12-02' })).toEqual(['second', 'first']);
      expect(await titles({ due_from: '2026-12-02', due_until: '2026-12-02' })).toEqual(['second']);
      expect(await titles({ due_from: '2026-12-03', due_until: '2026-12-02' })).toEqual([]);
    });

    // 20:00 in UTC is the next day in Kolkata and still the same in New York: the day is that of the task's own zone.
    it('takes an instant for the day that it is in the zone of the task', async () => {
      await create('in Kolkata', { due_at: '2026-12-05T20:00:00Z' });
      await create('in New York', { due_at: '2026-12-05T20:00:00Z', time_zone: 'America/New_York' });
      await create('in Kiritimati', { due_at: '2026-12-05T20:00:00Z', time_zone: 'Pacific/Kiritimati' });
      expect(await titles({ due_from: '2026-12-05', due_until: '2026-12-05' })).toEqual(['in New York']);
      expect(await titles({ due_from: '2026-12-06', due_until: '2026-12-06' })).toEqual(['in Kiritimati', 'in Kolkata']);
    });

    it('follows a task whose date moves', async () => {
      const task = await create('moving', { due_on: '2026-12-10' });
      await service.as(caller).patch(`/tasks/${task.id}`, { due_on: '2026-12-20' });
      expect(await titles({ due_from: '2026-12-05', due_until: '2026-12-15' })).toEqual([]);
      expect(await titles({ due_from: '2026-12-15' })).toEqual(['moving']);
    });

    it('422 for what is no day', async () =>
      expect(await errorsOf({ due_from: '2026-02-30', due_until: 'today' })).toEqual([
        422,
        '/due_from not_a_date',
        '/due_until not_a_date',
      ]));
  });

  it('by whether a task is overdue', async () => {
    await create('never due');
    await create('late', { due_on: '2020-01-01' });
    await create('late by the hour', { due_at: '2020-01-01T10:00:00Z' });
    await create('in time', { due_on: '2199-01-01' });
    await end((await create('late but done', { due_on: '2020-01-01' })).id, 'complete');
    expect(await titles({ overdue: 'true' })).toEqual(['late by the hour', 'late']);
    expect(await titles({ overdue: 'false' })).toEqual(['late but done', 'in time', 'never due']);
  });

  it('by whether a task is blocked', async () => {
    const [first, done] = [await create('first'), await create('done')];
    await end(done.id, 'complete');
    await create('waits for one', { depends_on: [done.id, first.id] });
    await create('waits no more', { depends_on: [done.id] });
    await end((await create('waits, but ended', { depends_on: [first.id] })).id, 'cancel');
    expect(await titles({ blocked: 'true' })).toEqual(['waits for one']);
    expect(await titles({ blocked: 'false' })).toEqual(['waits, but ended', 'waits no more', 'done', 'first']);
  });

  it('by a text in the title, in whatever case, and literally', async () => {
    for (const title of ['Order the Glass', 'Glasses', 'Call', '100 % Éclair', '1000', 'a_b', 'acb', 'C:\\temp']) await create(title);
    expect(await titles({ title: 'gLaSs' })).toEqual(['Glasses', 'Order the Glass']);
    expect(await titles({ title: '100 %' })).toEqual(['100 % Éclair']);
    expect(await titles({ title: 'éCLAIR' })).toEqual(['100 % Éclair']);
    expect(await titles({ title: 'a_b' })).toEqual(['a_b']);
    expect(await titles({ title: '\\' })).toEqual(['C:\\temp']);
    expect(await titles({ title: "' or true --" })).toEqual([]);
  });

  describe('by metadata', () => {
    it('finds just this value under just this key', async () => {
      await create('one', { metadata: { po: '4711' } });
      await create('two', { metadata: { po: '4711', site: 'North' } });
      await create('other value', { metadata: { po: '47110' } });
      await create('other key', { metadata: { so: '4711' } });
      expect(await titles({ 'metadata[po]': '4711' })).toEqual(['two', 'one']);
      expect(await titles({ 'metadata[po]': '4711', 'metadata[site]': 'North' })).toEqual(['two']);
      expect(await titles({ 'metadata[po]': '4711', 'metadata[site]': 'South' })).toEqual([]);
    });

    it('follows what is set and removed', async () => {
      const task = await create('moving', { metadata: { po: '1' } });
      await service.as(caller).patch(`/tasks/${task.id}`, { metadata: { po: '2', so: '3' } });
      expect([await titles({ 'metadata[po]': '1' }), await titles({ 'metadata[po]': '2', 'metadata[so]': '3' })]).toEqual([[], ['moving']]);
      await service.as(caller).patch(`/tasks/${task.id}`, { metadata: { po: null } });
      expect([await titles({ 'metadata[po]': '2' }), await titles({ 'metadata[so]': '3' })]).toEqual([[], ['moving']]);
    });

    it('takes any key that a task can have, and the empty value', async () => {
      const metadata = { 'a[b]': 'x & y', __proto__x: 'z', größe: '', constructor: 'c' };
      await create('odd', { metadata });
      for (const [key, value] of Object.entries(metadata)) expect(await titles({ [`metadata[${key}]`]: value })).toEqual(['odd']);
      expect(await titles({ 'metadata[__proto__]': 'x' })).toEqual([]);
    });

    it('422 for what is no key', async () => {
      expect(await errorsOf({ metadata: 'po' })).toEqual([422, '/metadata wrong_type']);
      expect((await errorsOf({ [`metadata[${'k'.repeat(41)}]`]: 'x' }))[0]).toBe(422);
      expect(await errorsOf({ 'colour[of]': 'red' })).toEqual([422, '/colour unknown_field']);
    });

    // Statistics are always behind: without any, a pair is a range of its index in the order of the list, however many tasks have it.
    it('reads the pair in order, and each of its tasks by its id', async () => {
      for (let made = 0; made < 3; made++) await create('one', { metadata: { po: '1', site: 'North' } });
      const { text, values } = newestFirst({ metadata: { po: '1', site: 'North' }, status: 'open' }, new Date(), [newId('tsk')], 26);
      const plan = (await service.query<{ 'QUERY PLAN': string }>(caller, `explain ${text}`, values)).map((row) => row['QUERY PLAN']);
      expect(plan.find((line) => /Scan/.test(line) && !/Subquery/.test(line))).toContain('using task_metadata_pairs on task_metadata m');
      expect(plan.filter((line) => /Sort|Hash|Seq Scan/.test(line))).toEqual([]);
    });

    // Guarantees that a filter cannot be used to learn what another tenant has.
    it("finds nothing of another organization's", async () => {
      await create('ours', { metadata: { po: '4711' } });
      for (const stranger of [aCaller(), { ...caller, livemode: false }])
        expect((await service.as(stranger).get('/tasks?metadata[po]=4711')).json<Page>().data).toEqual([]);
    });
  });

  it('400 for the cursor of another filter', async () => {
    for (const title of ['one', 'two']) await create(title, { metadata: { po: '1' }, due_on: '2026-12-01' });
    const cursor = (await get({ limit: 1, 'metadata[po]': '1' })).json<Page>().next_cursor!;
    expect((await get({ limit: 1, 'metadata[po]': '1', cursor })).json<Page>().data.map(({ title }) => title)).toEqual(['one']);
    for (const other of [{}, { 'metadata[po]': '2' }, { 'metadata[po]': '1', blocked: 'false' }, { due_from: '2026-12-01' }] as Query[])
      expect((await get({ ...other, cursor })).json().code).toBe('cursor_mismatch');
  });

  // Guarantees that filters mean together what they mean one by one, whatever the pages: against a plain look at every task.
  it('any filters together find what a look at every task finds', async () => {
    const assignee = newId('usr');
    const first = await create('Order first');
    for (let index = 0; index < 40; index++) {
      const { id } = await create(index % 3 ? `Order ${index}` : `Call ${index}`, {
        ...(index % 2 ? { due_on: `2026-12-0${(index % 9) + 1}` } : index % 5 ? { due_at: `2020-01-0${(index % 9) + 1}T20:00:00Z` } : {}),
        ...(index % 4 ? { assignee_id: assignee } : { depends_on: [first.id] }),
        metadata: { half: String(index % 2), ...(index % 7 ? {} : { seventh: 'yes' }) },
      });
      if (index % 6 === 0) await end(id, index % 12 ? 'cancel' : 'complete');
    }
    const all = (await get({ limit: 100 })).json<Page>().data;
    const dayOf = ({ due_on, due_at }: Task) =>
      due_on ?? (due_at === null ? null : new Date(Date.parse(due_at) + 5.5 * 3_600_000).toISOString().slice(0, 10));
    const within = (task: Task, test: (day: string) => boolean) => dayOf(task) !== null && test(dayOf(task)!);
    const filters: Record<string, { values: string[]; keeps: (task: Task, value: string) => boolean }> = {
      status: { values: ['open', 'completed', 'cancelled'], keeps: (task, value) => task.status === value },
      assignee_id: { values: [assignee], keeps: (task, value) => task.assignee_id === value },
      due_from: { values: ['2020-01-05', '2026-12-04'], keeps: (task, value) => within(task, (day) => day >= value) },
      due_until: { values: ['2020-01-06', '2026-12-06'], keeps: (task, value) => within(task, (day) => day <= value) },
      overdue: { values: ['true', 'false'], keeps: (task, value) => String(task.overdue) === value },
      blocked: { values: ['true', 'false'], keeps: (task, value) => String(task.blocked) === value },
      title: { values: ['order', 'CALL', '1'], keeps: (task, value) => task.title.toLowerCase().includes(value.toLowerCase()) },
      'metadata[half]': { values: ['0', '1'], keeps: (task, value) => task.metadata['half'] === value },
      'metadata[seventh]': { values: ['yes'], keeps: (task, value) => task.metadata['seventh'] === value },
    };
    const queries = fc.record(Object.fromEntries(Object.entries(filters).map(([name, { values }]) => [name, fc.constantFrom(...values)])), {
      requiredKeys: [],
    }) as fc.Arbitrary<Record<string, string>>;
    await fc.assert(
      fc.asyncProperty(queries, fc.integer({ min: 3, max: 50 }), async (query, limit) => {
        const met: string[] = [];
        for (let cursor: string | null = ''; cursor !== null;) {
          const page: Page = (await get({ ...query, limit, ...(cursor === '' ? {} : { cursor }) })).json<Page>();
          met.push(...page.data.map(({ id }) => id));
          cursor = page.next_cursor;
        }
        const expected = all.filter((task) => Object.entries(query).every(([name, value]) => filters[name]!.keeps(task, value)));
        expect(met).toEqual(expected.map(({ id }) => id));
      }),
      { numRuns: 120 },
    );
  });
});
