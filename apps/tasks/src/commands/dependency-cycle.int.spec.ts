import type { Task } from '@works/contracts/tasks';
import { Client } from 'pg';
import { aCaller, eventually, testDatabase } from '@works/platform/testing';
import { aProjectCreated, plannedTasks } from '../reactions/project-news.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

// Guarantees that no task ever waits for itself, however many change at the same moment: such a task could only be completed by force.
describe('dependencies that would form a cycle', () => {
  const caller = aCaller();
  let service: TasksService;
  let other: Client;

  beforeAll(async () => {
    const own = await testDatabase('tasks');
    service = await startTasks({ own, log: await testDatabase('log') });
    other = new Client(own.superuserUrl);
    await other.connect();
  });
  afterAll(async () => {
    await other.end();
    await service.stop();
  });

  const aTask = async (body: object = {}) => (await service.as(caller).post('/tasks', { title: 'Call', ...body })).json<Task>().id;
  const depend = (id: string, ...depends_on: string[]) => service.as(caller).patch(`/tasks/${id}`, { depends_on });
  const refusal = async (answer: ReturnType<typeof depend>) => {
    const { statusCode, json } = await answer;
    return [statusCode, json<{ code: string; cycle: string[] }>().code, json<{ cycle: string[] }>().cycle];
  };
  const dependenciesOf = async (id: string) => (await service.as(caller).get(`/tasks/${id}`)).json<Task>().depends_on;

  it('are refused, and the cycle is named', async () => {
    const [a, b, c] = [await aTask(), await aTask(), await aTask()];
    await depend(a, b);
    await depend(b, c);
    expect(await refusal(depend(c, a))).toEqual([422, 'dependency_cycle', [c, a, b, c]]);
    expect(await refusal(depend(c, c))).toEqual([422, 'dependency_cycle', [c, c]]);
    expect(await dependenciesOf(c)).toEqual([]);
    expect(await service.eventsOf(caller, c)).toHaveLength(1);
  });

  it('are pointed at in the list', async () => {
    const [a, b, c] = [await aTask(), await aTask(), await aTask()];
    await depend(a, b);
    const answer = await depend(b, c, a);
    expect(answer.json().errors).toEqual([expect.objectContaining({ pointer: '/depends_on/1', code: 'dependency_cycle' })]);
  });

  it('are refused through ended tasks too, for they can be reopened', async () => {
    const [a, b] = [await aTask(), await aTask()];
    await depend(a, b);
    await service.as(caller).post(`/tasks/${a}/complete`, { force: true });
    expect(await refusal(depend(b, a))).toEqual([422, 'dependency_cycle', [b, a, b]]);
  });

  it('are none when two ways lead to the same task', async () => {
    const [a, b, c, d] = [await aTask(), await aTask(), await aTask(), await aTask()];
    await depend(b, d);
    await depend(c, d);
    expect((await depend(a, b, c, d)).statusCode).toBe(200);
  });

  it('are none when one dependency makes room for the other', async () => {
    const [a, b] = [await aTask(), await aTask()];
    await depend(a, b);
    await depend(a);
    expect((await depend(b, a)).statusCode).toBe(200);
  });

  it('are refused in a project', async () => {
    const news = aProjectCreated(caller);
    await service.hear(news);
    const [measure, order] = plannedTasks(news) as [Task, Task];
    expect(await refusal(depend(measure.id, order.id))).toEqual([422, 'dependency_cycle', [measure.id, order.id, measure.id]]);
  });

  // Each of the two sees no cycle before it writes; the database lets one of them decide again on what the other left.
  it('never come of two changes at the same moment', async () => {
    for (let round = 0; round < 25; round++) {
      const [a, b] = [await aTask(), await aTask()];
      const answers = await Promise.all([depend(a, b), depend(b, a)]);
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 422]);
      const [ofA, ofB] = [await dependenciesOf(a), await dependenciesOf(b)];
      expect([ofA.length, ofB.length].sort()).toEqual([0, 1]);
    }
  });

  it('never come of a ring that closes everywhere at once', async () => {
    const ring = await Promise.all(Array.from({ length: 6 }, () => aTask()));
    const answers = await Promise.all(ring.map((id, index) => depend(id, ring[(index + 1) % ring.length]!)));
    expect(answers.filter(({ statusCode }) => statusCode === 422)).toHaveLength(1);
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(5);
  });

  // The two above leave to chance who is first; here the second has looked before the first commits, whatever the machine does.
  it('are refused to whoever looked before another committed', async () => {
    const [a, b] = [await aTask(), await aTask()];
    await other.query('begin');
    await other.query(`update tasks set state = jsonb_set(state, '{depends_on}', jsonb_build_array($2::text)) where id = $1`, [a, b]);
    const answer = depend(b, a);
    await eventually(async () => {
      const { rowCount } = await other.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      expect(rowCount).toBeGreaterThan(0);
    });
    await other.query('commit');
    expect(await refusal(answer)).toEqual([422, 'dependency_cycle', [b, a, b]]);
  });
});
