import type { Queue } from '@works/contracts/queues';
import type { Task } from '@works/contracts/tasks';
import type { TestClock } from '@works/contracts/test-clock';
import { newId } from '@works/platform/ids';
import { aCaller, eventually, testDatabase } from '@works/platform/testing';
import { startTasks, type TasksService } from '../tasks-service.examples';

const DAY_MS = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
/** How far apart two readings of a clock may be that were taken one after the other. */
const ABOUT_MS = 300_000;

describe('POST /test_clock/advance', () => {
  let service: TasksService;
  let caller: ReturnType<typeof aCaller>;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller({ livemode: false });
  });
  afterAll(() => service.stop());

  const advance = (body: object, headers = {}, as = caller) => service.as(as).post('/test_clock/advance', body, headers);
  const clockOf = async (as = caller) => (await service.as(as).get('/test_clock')).json<TestClock>();
  const make = async (body: object, as = caller) => (await service.as(as).post('/tasks', { title: 'Call', ...body })).json<Task>();
  const toldOf = async (id: string, as = caller) => (await service.eventsOf(as, id)).filter(({ type }) => type === 'task.overdue');
  const expectAbout = (instant: string, wanted: string) =>
    expect(Math.abs(Date.parse(instant) - Date.parse(wanted))).toBeLessThan(ABOUT_MS);

  describe('200', () => {
    it('moves on by a duration, and shows where it is', async () => {
      const answer = await advance({ by: 'P2DT12H' });
      const clock = answer.json<TestClock>();
      expect([answer.statusCode, answer.headers['etag']]).toEqual([200, 'W/"1"']);
      expect(clock).toEqual({
        id: caller.organizationId.replace('org_', 'clk_'),
        object: 'test_clock',
        now: expect.any(String),
        offset_ms: 2.5 * DAY_MS,
        created_at: clock.now,
        updated_at: clock.now,
        version: 1,
      });
      expectAbout(clock.now, inDays(2.5));
      expect(await clockOf()).toMatchObject({ ...clock, now: expect.any(String) });
    });

    it('moves to an instant', async () => {
      const to = inDays(5);
      expect((await advance({ to })).json<TestClock>().now).toBe(to);
    });

    it('shows the real time until it is moved', async () => {
      const clock = await clockOf();
      expectAbout(clock.now, inDays(0));
      expect(clock).toMatchObject({ offset_ms: 0, created_at: null, updated_at: null, version: 0 });
    });

    it('tells once, whatever is asked again with the same key', async () => {
      const headers = { 'idempotency-key': newId('idem') };
      const [first, second] = [await advance({ by: 'P1D' }, headers), await advance({ by: 'P1D' }, headers)];
      expect(second.body).toBe(first.body);
      const { id, offset_ms } = await clockOf();
      expect(offset_ms).toBe(DAY_MS);
      const [told, ...others] = await service.eventsOf(caller, id);
      expect(others).toEqual([]);
      expect(told!.public).toMatchObject({ type: 'test_clock.advanced', subject: id, livemode: false, project_id: null });
      expect(told!.public.data).toEqual({ test_clock: first.json(), previous: { now: expect.any(String), offset_ms: 0 } });
    });

    it('moves as far as all who move it at once say together', async () => {
      const answers = await Promise.all(Array.from({ length: 5 }, () => advance({ by: 'P1D' })));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200]);
      expect(await clockOf()).toMatchObject({ offset_ms: 5 * DAY_MS, version: 5 });
    });
  });

  describe('what follows it', () => {
    it('the very next request: what happens is timed by it, and what is due by then is overdue', async () => {
      const asha = newId('usr');
      const { id } = await make({ due_at: inDays(1), assignee_id: asha });
      const { now } = (await advance({ by: 'P2D' })).json<TestClock>();
      const task = (await service.as(caller).get(`/tasks/${id}`)).json<Task>();
      const queue = (await service.as(caller).get(`/users/${asha}/queue`)).json<Queue>();
      expect([task.overdue, queue.counts]).toEqual([true, { overdue: 1, today: 0, upcoming: 0, no_date: 0 }]);
      expectAbout(queue.as_of, now);
      expectAbout((await make({})).created_at, now);
    });

    it('task.overdue, once for each due date', async () => {
      const [soon, later] = [await make({ due_at: inDays(1) }), await make({ due_at: inDays(4) })];
      const { now } = (await advance({ by: 'P2D' })).json<TestClock>();
      const [told] = await eventually(async () => {
        const events = await toldOf(soon.id);
        expect(events).toHaveLength(1);
        return events;
      });
      expectAbout(told!.public.timestamp, now);
      expect(await toldOf(later.id)).toEqual([]);
      await advance({ by: 'P3D' });
      await eventually(async () => expect(await toldOf(later.id)).toHaveLength(1));
      expect(await toldOf(soon.id)).toHaveLength(1);
    });

    it('task.overdue of what falls due by it while it runs on', async () => {
      await advance({ by: 'P2D' });
      const { id } = await make({ due_at: new Date(Date.now() + 2 * DAY_MS + 300).toISOString() });
      expect(await toldOf(id)).toEqual([]);
      await eventually(async () => expect(await toldOf(id)).toHaveLength(1));
    });

    // Guarantees that nobody's live work, and no stranger's, moves with somebody's tests.
    it('neither live mode nor another organization', async () => {
      const [live, stranger] = [{ ...caller, livemode: true }, aCaller({ livemode: false })];
      const untouched = await Promise.all([live, stranger].map(async (as) => ({ as, task: await make({ due_at: inDays(1) }, as) })));
      const own = await make({ due_at: inDays(1) });
      await advance({ by: 'P2D' });
      await eventually(async () => expect(await toldOf(own.id)).toHaveLength(1));
      for (const { as, task } of untouched) {
        expect(await toldOf(task.id, as)).toEqual([]);
        expect((await service.as(as).get(`/tasks/${task.id}`)).json<Task>().overdue).toBe(false);
        expectAbout((await make({}, as)).created_at, inDays(0));
      }
      expect(await clockOf(stranger)).toMatchObject({ offset_ms: 0, version: 0 });
    });
  });

  describe('409', () => {
    it('test_clock_out_of_range for going back, or too far', async () => {
      await advance({ by: 'P2D' });
      for (const body of [{ to: inDays(1) }, { to: inDays(-1) }, { by: 'P3650D' }, { to: '9999-01-01T00:00:00Z' }]) {
        const answer = await advance(body);
        expect([answer.statusCode, answer.json().code]).toEqual([409, 'test_clock_out_of_range']);
      }
      expect(await clockOf()).toMatchObject({ offset_ms: 2 * DAY_MS });
    });

    it('test_mode_only with a live key, for looking too', async () => {
      const live = { ...caller, livemode: true };
      for (const answer of [await advance({ by: 'P2D' }, {}, live), await service.as(live).get('/test_clock')])
        expect([answer.statusCode, answer.json().code]).toEqual([409, 'test_mode_only']);
    });
  });

  it('412 when it has been moved since', async () => {
    await advance({ by: 'P1D' });
    expect((await advance({ by: 'P1D' }, { 'if-match': 'W/"0"' })).statusCode).toBe(412);
    expect((await advance({ by: 'P1D' }, { 'if-match': 'W/"1"' })).statusCode).toBe(200);
  });

  it.each([
    [{}, ['/by required']],
    [{ by: 'P1D', to: '2027-01-01T00:00:00Z' }, ['/to not_allowed']],
    [{ by: 'P1M' }, ['/by wrong_format']],
    [{ by: '-P1D' }, ['/by wrong_format']],
    [{ to: '2027-01-01T23:59:60Z' }, ['/to not_an_instant']],
    [{ to: 'tomorrow' }, ['/to not_an_instant']],
  ])('422 for %j', async (body, errors) => {
    const answer = await advance(body);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual(errors);
  });

  it('403 without the scope', async () => {
    expect((await advance({ by: 'P1D' }, {}, { ...caller, scopes: ['tasks:read'] })).statusCode).toBe(403);
  });
});
