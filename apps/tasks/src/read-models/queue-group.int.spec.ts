import * as fc from 'fast-check';
import type { Queue } from '@works/contracts/queues';
import type { Task } from '@works/contracts/tasks';
import type { Page } from '@works/platform/pagination';
import { EventStore, fresh, record } from '@works/platform/event-store';
import { newId } from '@works/platform/ids';
import { aCaller, aCommand, testDatabase } from '@works/platform/testing';
import { tasks } from '../aggregate';
import { createTask, type Plan, type UserId } from '../domain/task';
import { aPlan } from '../domain/task.examples';
import { overdueAt } from '../due';
import { startTasks, type TasksService } from '../tasks-service.examples';
import { FindQueue } from './queue';
import { ListQueueGroup } from './queue-group';
import { QUEUE_GROUPS, QUEUE_STATEMENT, type QueueGroup } from './queue-statement';

// 23:30 in Kolkata: midnight is half an hour away.
const NOW = new Date('2026-11-23T18:00:00.000Z');
const AFTER_MIDNIGHT = new Date('2026-11-23T19:00:00.000Z');

describe("one group of a person's queue", () => {
  const caller = aCaller({ timeZone: 'Asia/Kolkata' });
  let service: TasksService;
  let asha: UserId;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    asha = newId('usr');
  });
  afterAll(() => service.stop());

  async function given(...plans: Partial<Plan>[]): Promise<string[]> {
    const changes = plans.map((overrides) => {
      const plan = aPlan({ id: newId('tsk'), ...overrides });
      const events = createTask({ ...plan, overdue_at: overdueAt(plan) }, asha, { at: '2026-11-01T00:00:00.000Z', blocked: false });
      return record(tasks, fresh(plan.id), events);
    });
    await service.app.get(EventStore).create(aCommand({ caller }), () => ({ changes, answer: { status: 201, body: {} } }));
    return changes.map(({ id }) => id);
  }
  const page = (group: QueueGroup, query: { limit?: number; cursor?: string } = {}, now = NOW): Promise<Page<Task>> =>
    service.app.get(ListQueueGroup).list(asha, caller, { group, ...query }, now);
  const idsOf = (shown: Task[]) => shown.map(({ id }) => id);
  const dueIn: Record<QueueGroup, Partial<Plan>> = {
    overdue: { due_at: '2026-11-20T00:00:00.000Z' },
    today: { due_on: '2026-11-23', time_zone: 'Asia/Kolkata' },
    upcoming: { due_on: '2026-12-01', time_zone: 'Asia/Kolkata' },
    no_date: {},
  };
  const laterIn: Record<QueueGroup, object> = {
    overdue: { due_at: '2026-11-21T00:00:00.000Z' },
    today: { due_at: '2026-11-23T18:29:59.000Z' },
    upcoming: { due_on: '2026-12-05', time_zone: 'Asia/Kolkata' },
    no_date: {},
  };
  const earlierIn: Record<QueueGroup, object> = {
    overdue: { due_at: '2026-11-19T00:00:00.000Z' },
    today: { due_at: '2026-11-23T18:10:00.000Z' },
    upcoming: { due_on: '2026-11-25', time_zone: 'Asia/Kolkata' },
    no_date: {},
  };

  it.each(QUEUE_GROUPS)('walks %s in the order of the queue, tasks of the same moment by id', async (group) => {
    for (const other of QUEUE_GROUPS) await given(dueIn[other], dueIn[other], dueIn[other]);
    const met: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const next: Page<Task> = await page(group, { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      met.push(...idsOf(next.data));
      cursor = next.next_cursor;
    }
    const queue = await service.app.get(FindQueue).find(asha, caller, {}, NOW);
    expect(met).toHaveLength(3);
    expect(met).toEqual(idsOf(queue[group]));
  });

  // A walk that took today for tomorrow half way through would leave out what was due before midnight.
  it('keeps the day on which the walk began when midnight passes between two pages', async () => {
    const due = ['2026-11-23T18:10:00.000Z', '2026-11-23T18:20:00.000Z', '2026-11-23T20:00:00.000Z'];
    const [first, second, tomorrow] = await given(...due.map((due_at) => ({ due_at })));
    const before = await page('today', { limit: 1 });
    const after = await page('today', { limit: 5, cursor: before.next_cursor! }, AFTER_MIDNIGHT);
    expect([idsOf(before.data), idsOf(after.data)]).toEqual([[first], [second]]);
    expect(after.data[0]!.overdue).toBe(true);
    expect(idsOf((await page('today', {}, AFTER_MIDNIGHT)).data)).toEqual([tomorrow]);
  });

  describe('over HTTP', () => {
    const get = (query: string, whose = caller, user = asha) => service.as(whose).get(`/users/${user}/queue/tasks?${query}`);

    it('shows each task as GET /tasks/{id} does, to the byte', async () => {
      const [id] = await given({ due_on: '2020-01-01' });
      const answer = await get('group=overdue');
      expect(answer.json()).toMatchObject({ object: 'list', has_more: false, next_cursor: null });
      expect(JSON.stringify(answer.json<{ data: Task[] }>().data[0])).toBe((await service.as(caller).get(`/tasks/${id}`)).body);
    });

    it('400 for the cursor of another person, group, zone, tenant or list, and for one that is not ours', async () => {
      await given({}, {});
      const cursor = (await get('group=no_date&limit=1')).json<{ next_cursor: string }>().next_cursor;
      const refused = await Promise.all([
        get(`group=no_date&cursor=${cursor}`, caller, newId('usr')),
        get(`group=upcoming&cursor=${cursor}`),
        get(`group=no_date&time_zone=Europe/Berlin&cursor=${cursor}`),
        get(`group=no_date&cursor=${cursor}`, { ...caller, livemode: false }),
        service.as(caller).get(`/tasks?assignee_id=${asha}&cursor=${cursor}`),
        get(`group=no_date&cursor=${cursor.slice(0, -2)}AA`),
      ]);
      expect(refused.map(({ statusCode }) => statusCode)).toEqual([400, 400, 400, 400, 400, 400]);
      expect(refused.map((answer) => answer.json().code)).toEqual([...Array<string>(5).fill('cursor_mismatch'), 'cursor_invalid']);
      expect((await get(`group=no_date&time_zone=Asia/Kolkata&cursor=${cursor}`)).statusCode).toBe(200);
    });

    it('422 for what is no group, and without one', async () => {
      const answers = [await get('group=later&limit=101'), await get('')];
      expect(
        answers.map((answer) =>
          answer
            .json()
            .errors.map(({ pointer, code }) => `${pointer} ${code}`)
            .sort(),
        ),
      ).toEqual([['/group not_allowed', '/limit too_large'], ['/group required']]);
    });

    it('404 for what is no person, and empty for a stranger', async () => {
      await given({});
      expect((await get('group=no_date', caller, newId('prj') as never)).statusCode).toBe(404);
      expect((await get('group=no_date', aCaller())).json()).toEqual({ object: 'list', data: [], has_more: false, next_cursor: null });
    });
  });

  // "Stable cursors that never skip or repeat a row when data changes mid-list", from the queue's own first page on. What is put off or brought forward
  // within its group is a row that left its place: it may be met again, or not at all, and nothing else is met or missed because of it.
  it('a walk while tasks are added, completed, given another date and reassigned meets each task that stayed exactly once', async () => {
    const change = fc.record({
      what: fc.constantFrom('create', 'complete', 'cancel', 'reassign', 'move', 'put off', 'bring forward', 'rename'),
      which: fc.nat(30),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...QUEUE_GROUPS),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 10 }),
        async (group, count, limit, meanwhile) => {
          asha = newId('usr');
          const known = await given(...Array.from({ length: count }, () => dueIn[group]));
          const steady = new Set(known);
          const placedAnew = new Set<string>();
          const elsewhere = group === 'no_date' ? { due_on: '2027-06-01' } : { due_on: null, due_at: null };
          const as = service.as(caller);
          const apply = async ({ what, which }: { what: string; which: number }) => {
            const target = known[which % known.length]!;
            if (what === 'create') known.push(...(await given(dueIn[group])));
            if (what === 'complete') await as.post(`/tasks/${target}/complete`, { force: true });
            if (what === 'cancel') await as.post(`/tasks/${target}/cancel`);
            if (what === 'reassign') await as.post(`/tasks/${target}/assign`, { assignee_id: newId('usr') });
            if (what === 'move') await as.patch(`/tasks/${target}`, elsewhere);
            if (what === 'put off') await as.patch(`/tasks/${target}`, laterIn[group]);
            if (what === 'bring forward') await as.patch(`/tasks/${target}`, earlierIn[group]);
            if (['put off', 'bring forward'].includes(what)) placedAnew.add(target);
            if (what === 'rename') await as.patch(`/tasks/${target}`, { title: `Named anew ${which}` });
            if (!['create', 'rename'].includes(what)) steady.delete(target);
          };
          const met: string[] = [];
          let cursor: string | undefined;
          for (let turn = 0; ; turn++) {
            const next: Page<Task> = await page(group, { limit, ...(cursor === undefined ? {} : { cursor }) }, NOW);
            met.push(...idsOf(next.data));
            if (next.next_cursor === null) break;
            cursor = next.next_cursor;
            for (const one of meanwhile[turn] ?? []) await apply(one);
          }
          expect(met.filter((id, index) => met.indexOf(id) !== index && !placedAnew.has(id))).toEqual([]);
          expect(met.filter((id) => steady.has(id))).toEqual([...steady]);
        },
      ),
      { numRuns: 30 },
    );
  });

  // Statistics are always behind: without any, only tasks of the person are read, and documents one by one at their places.
  it('is read by indexes alone, and nobody else’s tasks are', async () => {
    const values = [asha, NOW.toISOString(), AFTER_MIDNIGHT.toISOString()];
    const rows = await service.query<{ 'QUERY PLAN': string }>(caller, `explain ${QUEUE_STATEMENT.text}`, values);
    const scans = rows.map((row) => row['QUERY PLAN']).filter((line) => /Scan .*on tasks/.test(line));
    expect(scans.map((scan) => /(Tid Scan|tasks_queue|tasks_pkey) on tasks/.exec(scan)?.[1]).sort()).toEqual([
      'Tid Scan',
      'tasks_pkey',
      'tasks_queue',
    ]);
  });

  it('goes on from every group of the queue', async () => {
    const many = Array.from({ length: 103 }, () => dueIn.today);
    const ids = await given(...many);
    const queue: Queue = await service.app.get(FindQueue).find(asha, caller, {}, NOW);
    const rest = await page('today', { cursor: queue.next_cursors.today! }, AFTER_MIDNIGHT);
    expect([...idsOf(queue.today), ...idsOf(rest.data)]).toEqual(ids);
  });
});
