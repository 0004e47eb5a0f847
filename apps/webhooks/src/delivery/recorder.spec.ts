import type { Pool } from 'pg';
import { newId } from '@works/platform/ids';
import { createLogger } from '@works/platform/logging';
import type { Leased } from './attempt';
import { Recorder } from './recorder';
import type { Result } from './statements';
import { anOutcome } from './workers.examples';

/** A recorder, and how many results each of its statements had. */
function recorder() {
  const statements: number[] = [];
  const pool = {
    query: ({ values: [results] }: { values: [string] }) => {
      const count = (JSON.parse(results) as unknown[]).length;
      statements.push(count);
      return Promise.resolve({ rows: [{ answer: { recorded: count, released: false, failing: [] } }] });
    },
  } as unknown as Pool;
  const parts = { pool, logger: createLogger({ name: 'spec', level: 'silent' }), released: () => undefined, lease: () => null };
  return { statements, recorder: new Recorder(parts) };
}

const result = (): Result => ({
  attemptId: newId('att'),
  leased: { deliveryId: newId('dlv'), endpointId: newId('whk'), eventType: 'task.created', lane: 'first' } as Leased,
  number: 1,
  outcome: anOutcome(200),
  status: 'delivered',
  nextAttemptAt: null,
});

describe('writing results down', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
  afterEach(() => jest.useRealTimers());
  const turns = async (count = 5) => {
    for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
  };

  it('lets those that nobody waits for wait for each other, for ten milliseconds', async () => {
    const { statements, recorder: own } = recorder();
    const all = Promise.all([own.record(result(), true), own.record(result(), true)]);
    jest.advanceTimersByTime(9);
    const later = own.record(result(), true);
    await turns();
    expect(statements).toEqual([]);
    jest.advanceTimersByTime(1);
    await Promise.all([all, later]);
    expect(statements).toEqual([3]);
    // The next begins to wait anew.
    const next = own.record(result(), true);
    await turns();
    expect(statements).toEqual([3]);
    jest.advanceTimersByTime(10);
    await next;
    expect(statements).toEqual([3, 1]);
  });

  it('takes them along as soon as one cannot wait, or somebody waits for places', async () => {
    const { statements, recorder: own } = recorder();
    const patient = own.record(result(), true);
    await Promise.all([own.record(result(), false), patient]);
    const another = own.record(result(), true);
    own.hasten();
    await another;
    expect(statements.reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(statements.length).toBeLessThanOrEqual(3);
  });
});
