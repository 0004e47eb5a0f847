import type { PublicEvent } from '@works/contracts/events';
import type { Task, TaskEventData } from '@works/contracts/tasks';
import { inOneTransaction, openPool } from '@works/platform/postgres';
import { aCaller, eventually, testDatabase } from '@works/platform/testing';
import { startTasks, type StoredEvent, type TasksService } from '../tasks-service.examples';
import { OverdueScan } from './overdue-scan';
import { NEXT_TO_TELL, OVERDUE_AND_UNTOLD } from './statements';

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const LONG_AGO = '2020-01-31';

describe('a task that becomes overdue', () => {
  let own: Awaited<ReturnType<typeof testDatabase>>;
  let log: Awaited<ReturnType<typeof testDatabase>>;
  let service: TasksService;
  const caller = aCaller();
  const make = async (body: object) => (await service.as(caller).post('/tasks', { title: 'Order the glass', ...body })).json<Task>().id;
  const eventsOf = async (id: string, type = 'task.overdue'): Promise<StoredEvent[]> =>
    (await service.eventsOf(caller, id)).filter((event) => event.type === type);
  const told = (id: string, times = 1) => {
    // What falls due by being made or moved is found by the next look; nobody here waits for that.
    service.app.get(OverdueScan).wake();
    return eventually(async () => {
      const events = await eventsOf(id);
      expect(events).toHaveLength(times);
      return events.at(-1)!.public as unknown as PublicEvent<TaskEventData>;
    });
  };
  /** Whatever was due before this moment has been told once this has. */
  const everythingIsTold = async () => void (await told(await make({ due_on: LONG_AGO })));

  beforeAll(async () => {
    [own, log] = await Promise.all([testDatabase('tasks'), testDatabase('log')]);
    service = await startTasks({ own, log });
  });
  afterAll(() => service.stop());

  it('is told of at the moment, with the task as GET answers it', async () => {
    const dueAt = inMs(400);
    const id = await make({ due_at: dueAt, assignee_id: 'usr_01JD8K3V9QWERTYASDFGHZXCVB' });
    expect(await eventsOf(id)).toEqual([]);
    const event = await told(id);
    const lateMs = Date.parse(event.timestamp) - Date.parse(dueAt);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    // Of what has a moment it is told of as of that moment, not as of a look on the next day; how soon is measured by the benchmark.
    expect(lateMs).toBeLessThan(60_000);
    expect(event).toMatchObject({ actor: { type: 'system', id: 'overdue' }, request: { id: null, idempotency_key: null }, subject: id });
    expect(event.data).toEqual({ task: (await service.as(caller).get(`/tasks/${id}`)).json<Task>(), previous: { overdue: false } });
    expect(event.data.task).toMatchObject({ overdue: true, version: 3 });
  });

  it('is told of once, whatever else happens to it', async () => {
    const id = await make({ due_on: LONG_AGO });
    await told(id);
    await service.as(caller).patch(`/tasks/${id}`, { title: 'Order the glass doors' });
    await service.as(caller).post(`/tasks/${id}/complete`, {});
    await service.as(caller).post(`/tasks/${id}/reopen`, {});
    await everythingIsTold();
    expect(await eventsOf(id)).toHaveLength(1);
  });

  it('is told of again when its date has moved and passed', async () => {
    const id = await make({ due_on: LONG_AGO });
    await told(id);
    await service.as(caller).patch(`/tasks/${id}`, { due_on: '2020-02-29' });
    await told(id, 2);
  });

  it('is not told of when it has ended before', async () => {
    const dueAt = inMs(300);
    const id = await make({ due_at: dueAt });
    await service.as(caller).post(`/tasks/${id}/complete`, {});
    await told(await make({ due_at: dueAt }));
    expect(await eventsOf(id)).toEqual([]);
  });

  it('is told of as blocked while what it depends on is open', async () => {
    const first = await make({});
    expect((await told(await make({ due_on: LONG_AGO, depends_on: [first] }))).data.task).toMatchObject({ overdue: true, blocked: true });
  });

  // Guarantees that a night without the service, or a date that was moved by an import, is made up for, and by whoever starts first.
  it('is told of by the next to start when nobody ran at the moment, once by two that start together', async () => {
    const another = aCaller();
    const superuser = openPool(own.superuserUrl, { max: 1, applicationName: 'spec' });
    const keep = { ...own, drop: async () => undefined };
    const keepLog = { ...log, drop: async () => undefined };
    await everythingIsTold();
    await service.stopOnly();
    await superuser.query(
      `insert into tasks (id, organization_id, livemode, version, state)
         select 'tsk_' || lpad(n::text, 26, '0'), case when n % 3 = 0 then $1 else organization_id end, livemode, 1,
                state - 'overdue_told_for' || jsonb_build_object('id', 'tsk_' || lpad(n::text, 26, '0'))
           from generate_series(1, 250) n, (select * from tasks where state->>'due_on' = '2020-01-31' and status = 'open' limit 1) as t`,
      [another.organizationId],
    );
    const [one, two] = await Promise.all([startTasks({ own: keep, log: keepLog }), startTasks({ own: keep, log: keepLog })]);
    service = one;
    try {
      await eventually(async () => {
        const { rows } = await superuser.query<{ untold: string }>('select count(*) as untold from tasks where untold_overdue_at <= now()');
        expect(rows).toEqual([{ untold: '0' }]);
      });
      const { rows } = await superuser.query<{ organization_id: string; told: string }>(
        `select organization_id, count(*) as told from events where type = 'task.overdue' and stream_id collate "C" < 'tsk_00000000000000000000001' group by 1`,
      );
      expect(new Map(rows.map((row) => [row.organization_id, Number(row.told)]))).toEqual(
        new Map([
          [caller.organizationId, 167],
          [another.organizationId, 83],
        ]),
      );
    } finally {
      await Promise.all([superuser.end(), two.stop()]);
    }
    service = { ...one, stop: async () => (await one.stop(), await Promise.all([own.drop(), log.drop()]), undefined) };
  });

  // Guarantees that a look costs the same among few tasks as among a hundred thousand, also while the statistics know of none.
  it('is found through its index, by a role that can read nothing else of it', async () => {
    const workers = openPool(own.workerUrl, { max: 1, applicationName: 'spec' });
    try {
      for (const { text } of [OVERDUE_AND_UNTOLD, NEXT_TO_TELL]) {
        const [plan] = await inOneTransaction<{ 'QUERY PLAN': string }>(workers, [{ text: `explain ${text}`, values: [new Date()] }]);
        const lines = plan!.rows.map((row) => row['QUERY PLAN']).join('\n');
        expect(lines).toMatch(/Index (Only )?Scan using tasks_untold/);
        // Clocks are few: every one of them is looked at.
        expect(lines).not.toMatch(/Seq Scan on tasks|Sort/);
      }
      await expect(workers.query('select state from tasks')).rejects.toThrow(/permission denied/);
      await expect(workers.query('select version from tasks')).rejects.toThrow(/permission denied/);
      expect((await workers.query('select id from tasks where untold_overdue_at is null')).rows).toEqual([]);
    } finally {
      await workers.end();
    }
  });
});
