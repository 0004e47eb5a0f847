import * as fc from 'fast-check';
import type { Queue } from '@works/contracts/queues';
import type { Task } from '@works/contracts/tasks';
import { addDays, endOfDay, today } from '@works/platform/calendar';
import { EventStore, fresh, record } from '@works/platform/event-store';
import { newId } from '@works/platform/ids';
import { aCaller, aCommand, testDatabase } from '@works/platform/testing';
import { tasks } from '../aggregate';
import { cancelTask, completeTask, createTask, type Plan, type Task as StoredTask, type TaskEvent, type UserId } from '../domain/task';
import { aPlan, KEY } from '../domain/task.examples';
import { overdueAt } from '../due';
import { startTasks, type TasksService } from '../tasks-service.examples';
import { FindQueue } from './queue';
import { ListQueueGroup } from './queue-group';

// 11:30 in Kolkata, 01:00 in New York.
const NOW = new Date('2026-11-23T06:00:00.000Z');

describe("a person's queue", () => {
  const caller = aCaller({ timeZone: 'Asia/Kolkata' });
  let service: TasksService;
  let queues: FindQueue;
  let asha: UserId;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
    queues = service.app.get(FindQueue);
  });
  beforeEach(() => {
    asha = newId('usr');
  });
  afterAll(() => service.stop());

  type Given = Partial<Plan> & { then?: (task: StoredTask) => TaskEvent[] };

  /** Makes tasks of Asha's in one transaction. */
  async function given(...plans: Given[]): Promise<string[]> {
    const changes = plans.map(({ then = () => [], ...overrides }) => {
      const plan = aPlan({ id: newId('tsk'), ...overrides });
      const events = createTask({ ...plan, overdue_at: overdueAt(plan) }, asha, { at: '2026-11-01T00:00:00.000Z', blocked: false });
      const open = record(tasks, fresh(plan.id), events);
      return record(tasks, fresh(plan.id), [...events, ...then(open.after)]);
    });
    await service.app.get(EventStore).create(aCommand({ caller }), () => ({ changes, answer: { status: 201, body: {} } }));
    return changes.map(({ id }) => id);
  }
  const queue = (time_zone?: string, now = NOW) => queues.find(asha, caller, { time_zone }, now);
  const idsOf = (shown: Task[]) => shown.map(({ id }) => id);
  const groups = async (time_zone?: string) => {
    const { overdue, today: dueToday, upcoming, no_date } = await queue(time_zone);
    return [overdue, dueToday, upcoming, no_date].map(idsOf);
  };
  const at = (instant: string) => ({ due_at: instant });
  const on = (date: string, time_zone = 'Asia/Kolkata') => ({ due_on: date, time_zone });

  it('has its four groups also when it is empty', async () => {
    expect(await queue()).toEqual({
      object: 'queue',
      user_id: asha,
      time_zone: 'Asia/Kolkata',
      as_of: NOW.toISOString(),
      counts: { overdue: 0, today: 0, upcoming: 0, no_date: 0 },
      next_cursors: { overdue: null, today: null, upcoming: null, no_date: null },
      overdue: [],
      today: [],
      upcoming: [],
      no_date: [],
    });
  });

  it('groups by when tasks fall due, and shows what falls due first first', async () => {
    const [tomorrow, todayToo, never, yesterday, inAnHour, lastWeek, now] = await given(
      on('2026-11-24'),
      on('2026-11-23'),
      {},
      on('2026-11-22'),
      at('2026-11-23T07:00:00.000Z'),
      on('2026-11-16'),
      at(NOW.toISOString()),
    );
    expect(await groups()).toEqual([[lastWeek, yesterday, now], [inAnHour, todayToo], [tomorrow], [never]]);
    expect((await queue()).counts).toEqual({ overdue: 3, today: 2, upcoming: 1, no_date: 1 });
  });

  // A date is a day in the task's zone; today is the reader's. What is shown under today goes overdue before the reader's day ends.
  it('is divided by the day of the reader', async () => {
    const [kolkata, newYork, lateTonight] = await given(
      on('2026-11-23'),
      on('2026-11-22', 'America/New_York'),
      at('2026-11-23T19:00:00.000Z'),
    );
    expect(await groups('Asia/Kolkata')).toEqual([[newYork], [kolkata], [lateTonight], []]);
    expect(await groups('America/New_York')).toEqual([[newYork], [kolkata, lateTonight], [], []]);
    expect((await queue('America/New_York')).time_zone).toBe('America/New_York');
  });

  it('holds open tasks of that person only', async () => {
    const moment = { at: NOW.toISOString() };
    await given(
      { then: (task) => completeTask(task, { ...moment, by: KEY, force: false, openDependencies: [] }) },
      { then: (task) => cancelTask(task, moment) },
      { then: () => [{ type: 'task.assigned', data: { ...moment, assignee_id: newId('usr'), blocked: false } }] },
      { then: () => [{ type: 'task.unassigned', data: { ...moment, blocked: false } }] },
    );
    const [mine] = await given({});
    expect(await groups()).toEqual([[], [], [], [mine]]);
    expect((await queues.find(asha, aCaller(), {}, NOW)).counts.no_date).toBe(0);
    expect((await queues.find(asha, { ...caller, livemode: false }, {}, NOW)).counts.no_date).toBe(0);
  });

  it('marks blocked tasks and does not hide them', async () => {
    const [first, done] = await given(on('2026-11-20'), {
      then: (task) => completeTask(task, { at: NOW.toISOString(), by: KEY, force: false, openDependencies: [] }),
    });
    await given({ depends_on: [first as Plan['id'], done as Plan['id']] }, { depends_on: [done as Plan['id']] });
    const { overdue, no_date } = await queue();
    expect(overdue.map(({ overdue: isOverdue, blocked }) => [isOverdue, blocked])).toEqual([[true, false]]);
    expect(no_date.map(({ blocked }) => blocked)).toEqual([true, false]);
  });

  it('shows the first hundred of a group, counts them all, and says where it goes on', async () => {
    const dates = Array.from({ length: 130 }, (_, index) => addDays('2026-12-01', 129 - index));
    const ids = await given(...dates.map((date) => on(date)));
    const { upcoming, counts, next_cursors } = await queue();
    expect(counts.upcoming).toBe(130);
    expect(idsOf(upcoming)).toEqual(ids.reverse().slice(0, 100));
    expect(next_cursors).toEqual({ overdue: null, today: null, upcoming: expect.any(String), no_date: null });
    const rest = await service.app
      .get(ListQueueGroup)
      .list(asha, caller, { group: 'upcoming', limit: 100, cursor: next_cursors.upcoming! }, NOW);
    expect([idsOf(rest.data), rest.has_more]).toEqual([ids.slice(100), false]);
  });

  describe('over HTTP', () => {
    const get = (url: string, whose = caller) => service.as(whose).get(url);

    it('shows each task as GET /tasks/{id} does, to the byte', async () => {
      const [id] = await given(on('2020-01-01'));
      const answer = await get(`/users/${asha}/queue?time_zone=America/New_York`);
      expect(answer.json<Queue>()).toMatchObject({ user_id: asha, time_zone: 'America/New_York', counts: { overdue: 1 } });
      expect(JSON.stringify(answer.json<Queue>().overdue[0])).toBe((await get(`/tasks/${id}`)).body);
    });

    it('422 for a zone that does not exist', async () => {
      const answer = await get(`/users/${asha}/queue?time_zone=Mars/Olympus`);
      expect([answer.statusCode, answer.json().errors]).toEqual([
        422,
        [expect.objectContaining({ pointer: '/time_zone', code: 'not_a_time_zone' })],
      ]);
    });

    it('404 for what is no person', async () => expect((await get(`/users/${newId('prj')}/queue`)).statusCode).toBe(404));

    // A person is known by id only: one of another organization looks like one with nothing to do.
    it("is empty for another organization, whoever's it is", async () => {
      await given({});
      const [theirs, nobodys] = [await get(`/users/${asha}/queue`, aCaller()), await get(`/users/${newId('usr')}/queue`)];
      expect(theirs.json<Queue>().counts).toEqual(nobodys.json<Queue>().counts);
    });
  });

  // Guarantees that no task falls between the groups or into two, whatever the zones, also where clocks change at midnight.
  it('puts every open task into exactly one group, the one of the day in which it becomes overdue', async () => {
    const zones = fc.constantFrom('Asia/Kolkata', 'America/New_York', 'Pacific/Kiritimati', 'America/Sao_Paulo', 'Asia/Beirut', 'UTC');
    const instants = fc.date({ min: new Date('2026-03-20T00:00:00Z'), max: new Date('2026-04-05T00:00:00Z'), noInvalidDate: true });
    const dues = fc.oneof(
      fc.constant({}),
      instants.map((instant) => at(instant.toISOString())),
      fc.tuple(instants, zones).map(([instant, zone]) => on(instant.toISOString().slice(0, 10), zone)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(dues, { maxLength: 20 }), zones, instants, async (plans, readerZone, now) => {
        asha = newId('usr');
        const ids = await given(...plans);
        const { overdue, today: dueToday, upcoming, no_date } = await queue(readerZone, now);
        const endOfToday = endOfDay(today(now, readerZone), readerZone);
        const dueOf = new Map(plans.map((plan, index) => [ids[index], overdueAt(aPlan(plan))]));
        expect([...overdue, ...dueToday, ...upcoming, ...no_date].map(({ id }) => id).sort()).toEqual([...ids].sort());
        for (const { id } of overdue) expect(dueOf.get(id)! <= now.toISOString()).toBe(true);
        for (const { id } of dueToday) expect(dueOf.get(id)! > now.toISOString() && dueOf.get(id)! <= endOfToday).toBe(true);
        for (const { id } of upcoming) expect(dueOf.get(id)! > endOfToday).toBe(true);
        for (const { id } of no_date) expect(dueOf.get(id)).toBeNull();
        for (const group of [overdue, dueToday, upcoming])
          expect(idsOf(group).map((id) => dueOf.get(id))).toEqual(group.map(({ id }) => dueOf.get(id)).sort());
        expect([overdue, dueToday, upcoming, no_date].flat().map((task) => task.overdue)).toEqual([
          ...overdue.map(() => true),
          ...dueToday.map(() => false),
          ...upcoming.map(() => false),
          ...no_date.map(() => false),
        ]);
      }),
      { numRuns: 40 },
    );
  });
});
