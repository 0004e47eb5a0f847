import * as fc from 'fast-check';
import type { Task, TaskComment } from '@works/contracts/tasks';
import { fold } from '@works/platform/decider';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { evolve, type TaskEvent } from './domain/task';
import { startTasks, type TasksService } from './tasks-service.examples';

const asha = newId('usr');

/** Whatever can be asked of one task, as an operation of a batch; a comment goes alone. */
const asks = fc.oneof(
  fc
    .record(
      {
        title: fc.constantFrom('Call', 'Call back'),
        priority: fc.constantFrom('low', 'high'),
        due_on: fc.constantFrom('2020-01-01', '2199-01-01', null),
        checklist: fc.constantFrom([], [{ title: 'Dial' }], [{ title: 'Dial', done: true }, { title: 'Speak' }]),
        metadata: fc.dictionary(fc.constantFrom('po', 'so', 'site'), fc.constantFrom('1', '2', null)),
      },
      { requiredKeys: [] },
    )
    .map((task) => ({ op: 'update', task })),
  fc.constantFrom(asha, null).map((assignee_id) => ({ op: 'assign', assignee_id })),
  fc.constantFrom('complete', 'cancel', 'reopen', 'comment').map((op) => ({ op })),
);

// Guarantees that nothing which is kept beside the events can disagree with them, however a task came to be what it is.
describe('what is kept of a task', () => {
  const caller = aCaller();
  let service: TasksService;

  beforeAll(async () => {
    service = await startTasks({ own: await testDatabase('tasks'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const ask = (id: string, operations: { op: string }[]) => {
    const [first] = operations;
    return first?.op === 'comment'
      ? service.as(caller).post(`/tasks/${id}/comments`, { body: 'Well.' })
      : service.as(caller).post('/tasks/batch', {
          mode: 'best_effort',
          operations: operations.filter(({ op }) => op !== 'comment').map((operation) => ({ ...operation, id })),
        });
  };

  it('is what folding its events gives, and what the last of them told, whatever was asked of it', async () => {
    const rounds = fc.array(fc.array(asks, { minLength: 1, maxLength: 5 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(rounds, async (sequence) => {
        const { id } = (await service.as(caller).post('/tasks', { title: 'Call' })).json<Task>();
        for (const operations of sequence) expect((await ask(id, operations)).statusCode).toBeLessThan(300);

        const events = await service.query<TaskEvent>(caller, 'select type, data from events where stream_id = $1 order by version', [id]);
        const [document] = await service.query<{ version: number; state: unknown }>(
          caller,
          'select version, state from tasks where id = $1',
          [id],
        );
        expect(document).toEqual({ version: events.length, state: fold(evolve, events) });

        const shown = (await service.as(caller).get(`/tasks/${id}`)).body;
        const told = (await service.eventsOf(caller, id)).map((event) => event.public);
        expect(JSON.stringify(told.at(-1)!.data['task'])).toBe(shown);
        const comments = (await service.as(caller).get(`/tasks/${id}/comments?limit=100`)).json<{ data: TaskComment[] }>().data;
        expect(comments).toEqual(told.flatMap(({ data }) => data['comment'] ?? []).reverse());
        const pairs = await service.query<{ key: string; value: string }>(
          caller,
          'select key, value from task_metadata where task_id = $1',
          [id],
        );
        expect(Object.fromEntries(pairs.map(({ key, value }) => [key, value]))).toEqual((JSON.parse(shown) as Task).metadata);
      }),
      { numRuns: 40 },
    );
  });

  // Guarantees that tenancy does not hang on our queries: without a tenant the database itself shows nothing.
  it('is not to be seen without a tenant', async () => {
    const { id } = (await service.as(caller).post('/tasks', { title: 'Call', metadata: { po: '4711' } })).json<Task>();
    await service.as(caller).post(`/tasks/${id}/comments`, { body: 'Ours' });
    for (const [table, column] of [
      ['tasks', 'id'],
      ['task_metadata', 'task_id'],
      ['task_comments', 'task_id'],
    ]) {
      const rows = `select 1 from ${table} where ${column} = $1`;
      for (const stranger of [aCaller(), { ...caller, livemode: false }, { ...caller, organizationId: '' }])
        expect(await service.query(stranger, rows, [id])).toEqual([]);
      expect(await service.query(caller, rows, [id])).not.toEqual([]);
    }
  });
});
