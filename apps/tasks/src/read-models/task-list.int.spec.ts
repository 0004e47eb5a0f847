import * as fc from 'fast-check';
import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { aProjectCreated, plannedTasks } from '../reactions/project-news.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

interface Page {
  object: 'list';
  data: Task[];
  has_more: boolean;
  next_cursor: string | null;
}

describe('GET /tasks', () => {
  let service: TasksService;
  let caller: ReturnType<typeof aCaller>;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const get = (query: Record<string, string | number>, whose = caller) =>
    service.as(whose).get(`/tasks?${new URLSearchParams(query as Record<string, string>).toString()}`);
  const page = async (query: Record<string, string | number> = {}): Promise<Page> => (await get(query)).json();
  const idsOf = async (query: Record<string, string | number> = {}) => (await page(query)).data.map(({ id }) => id);
  const create = async (body: object = {}) => (await service.as(caller).post('/tasks', { title: 'Call', ...body })).json<Task>();
  const complete = (id: string) => service.as(caller).post(`/tasks/${id}/complete`, { force: true });
  const assign = (id: string, assignee_id: string | null) => service.as(caller).post(`/tasks/${id}/assign`, { assignee_id });

  it('is newest first, and whole', async () => {
    const tasks = [await create(), await create(), await create()];
    expect(await page()).toEqual({ object: 'list', data: tasks.reverse(), has_more: false, next_cursor: null });
  });

  it('narrows by project, milestone, assignee and status, one by one and together', async () => {
    const news = aProjectCreated(caller);
    await service.hear(news);
    const [measure, order, walk] = plannedTasks(news).map(({ id }) => id) as [string, string, string];
    const alone = await create({ assignee_id: plannedTasks(news)[0]!.assignee_id });
    await complete(order);
    const [project_id, milestone_id, assignee_id] = [news.subject, plannedTasks(news)[0]!.milestone_id!, alone.assignee_id!];
    expect(await idsOf({ project_id })).toEqual([walk, order, measure]);
    expect(await idsOf({ milestone_id })).toEqual([order, measure]);
    expect(await idsOf({ assignee_id })).toEqual([alone.id, order, measure]);
    expect(await idsOf({ status: 'completed' })).toEqual([order]);
    expect(await idsOf({ status: 'cancelled' })).toEqual([]);
    expect(await idsOf({ project_id, milestone_id, assignee_id, status: 'open' })).toEqual([measure]);
  });

  it('shows each task as GET /tasks/{id} does, to the byte', async () => {
    const first = await create();
    const blocked = await create({ depends_on: [first.id], assignee_id: newId('usr'), due_on: '2020-01-01' });
    const single = await service.as(caller).get(`/tasks/${blocked.id}`);
    expect(single.json()).toMatchObject({ blocked: true, overdue: true });
    expect(JSON.stringify((await page()).data[0])).toBe(single.body);
  });

  // Guarantees that a filter cannot be used to learn what another tenant has.
  it("is empty for another organization's ids, and for the other mode's", async () => {
    const news = aProjectCreated(caller);
    await service.hear(news);
    for (const stranger of [aCaller(), { ...caller, livemode: false }])
      for (const query of [{}, { project_id: news.subject }, { assignee_id: plannedTasks(news)[0]!.assignee_id! }] as Record<
        string,
        string
      >[])
        expect((await get(query, stranger)).json()).toEqual({ object: 'list', data: [], has_more: false, next_cursor: null });
  });

  it('goes on from the same place after the task it stopped at has left the list', async () => {
    const tasks = [await create(), await create(), await create()];
    const first = await page({ status: 'open', limit: 1 });
    await complete(first.data[0]!.id);
    expect(await idsOf({ status: 'open', cursor: first.next_cursor! })).toEqual([tasks[1]!.id, tasks[0]!.id]);
  });

  it('400 for a cursor that is not ours, of another filter, or of another tenant', async () => {
    await create();
    await create();
    const { next_cursor } = await page({ limit: 1 });
    const refusals = await Promise.all([
      get({ cursor: 'AAAA' }),
      get({ cursor: `${next_cursor!.slice(0, -2)}AA` }),
      get({ cursor: next_cursor!, status: 'open' }),
      get({ cursor: next_cursor! }, aCaller()),
    ]);
    expect(refusals.map((answer) => `${answer.statusCode} ${answer.json().code}`)).toEqual([
      '400 cursor_invalid',
      '400 cursor_invalid',
      '400 cursor_mismatch',
      '400 cursor_mismatch',
    ]);
  });

  it('422 for filters that cannot be', async () => {
    const answer = await get({ status: 'done', project_id: newId('tsk'), limit: 101, colour: 'red' });
    expect(answer.statusCode).toBe(422);
    expect(
      answer
        .json()
        .errors.map(({ pointer, code }) => `${pointer} ${code}`)
        .sort(),
    ).toEqual(['/colour unknown_field', '/limit too_large', '/project_id wrong_id_type', '/status not_allowed']);
  });

  // The promise of the page our users have read: "stable cursors that never skip or repeat a row when data changes mid-list".
  it('a walk while tasks are added, changed and cancelled meets every steady task exactly once', async () => {
    const changes = fc.array(fc.record({ what: fc.constantFrom('create', 'complete', 'cancel', 'reassign', 'pass'), which: fc.nat(30) }), {
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('all', 'open', 'project', 'assignee'),
        fc.array(changes, { maxLength: 14 }),
        async (count, limit, list, meanwhile) => {
          caller = aCaller();
          const [asha, bram] = [newId('usr'), newId('usr')];
          const news = aProjectCreated(caller);
          await service.hear({ ...news, data: { ...news.data, project: { ...news.data.project, milestones: [] } } });
          const aTask = async () => (await create({ project_id: news.subject, assignee_id: asha })).id;
          const known: string[] = [];
          for (let made = 0; made < count; made++) known.push(await aTask());

          const filters = { all: {}, open: { status: 'open' }, project: { project_id: news.subject }, assignee: { assignee_id: asha } };
          const leaves = { all: [], open: ['complete', 'cancel'], project: [], assignee: ['reassign'] }[list] as string[];
          const steady = new Set(known);
          const apply = async ({ what, which }: { what: string; which: number }) => {
            const target = known[which % known.length]!;
            if (what === 'create') known.push(await aTask());
            if (what === 'complete') await complete(target);
            if (what === 'cancel') await service.as(caller).post(`/tasks/${target}/cancel`);
            if (what === 'reassign') await assign(target, bram);
            if (leaves.includes(what)) steady.delete(target);
          };

          const met: string[] = [];
          let cursor: string | null = null;
          for (let turn = 0; ; turn++) {
            const next: Page = await page({ ...filters[list], limit, ...(cursor === null ? {} : { cursor }) });
            expect(next.data.length).toBeLessThanOrEqual(limit);
            expect(turn).toBeLessThan(100);
            met.push(...next.data.map(({ id }) => id));
            if (!next.has_more) break;
            cursor = next.next_cursor!;
            for (const change of meanwhile[turn] ?? []) await apply(change);
          }
          expect(met).toEqual([...new Set(met)].sort().reverse());
          expect(met.filter((id) => steady.has(id))).toEqual([...steady].sort().reverse());
        },
      ),
      { numRuns: 40 },
    );
  });
});
