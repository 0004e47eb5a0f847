import * as fc from 'fast-check';
import { fold } from '@works/platform/decider';
import { RuleViolation } from '@works/platform/errors';
import { aPlan, ASHA, BRAM, KEY } from './task.examples';
import { assignTask, cancelTask, completeTask, createTask, evolve, type Task, type TaskEvent } from './task';

type Ask = (task: Task, at: string) => TaskEvent[];

const someone = fc.constantFrom(ASHA, BRAM, null);
const asks: fc.Arbitrary<Ask> = fc.oneof(
  someone.map(
    (to): Ask =>
      (task, at) =>
        assignTask(task, to, { at, blocked: false }),
  ),
  fc.record({ force: fc.boolean(), openDependencies: fc.constantFrom([], [{ id: aPlan().id, title: 'First' }]) }).map(
    (how): Ask =>
      (task, at) =>
        completeTask(task, { at, by: KEY, ...how }),
  ),
  fc.constant<Ask>((task, at) => cancelTask(task, { at })),
);

interface Step {
  before: Task;
  after: Task;
  events: TaskEvent[];
  refused: boolean;
}

/** Plays any asks against a new task, one millisecond apart. */
function play(assignee: typeof ASHA | null, sequence: readonly Ask[]): { history: TaskEvent[]; steps: Step[] } {
  const history = createTask(aPlan(), assignee, { at: timeOf(0), blocked: false });
  let task = fold(evolve, history)!;
  const steps = sequence.map((ask, index): Step => {
    const before = task;
    const { events, refused } = answerOf(() => ask(before, timeOf(index + 1)));
    history.push(...events);
    task = fold(evolve, events, before)!;
    return { before, after: task, events, refused };
  });
  return { history, steps };
}

function answerOf(decide: () => TaskEvent[]): { events: TaskEvent[]; refused: boolean } {
  try {
    return { events: decide(), refused: false };
  } catch (error) {
    if (!(error instanceof RuleViolation)) throw error;
    return { events: [], refused: true };
  }
}

const timeOf = (step: number): string => new Date(Date.UTC(2026, 10, 23, 9, 0, 0, step)).toISOString();

describe('whatever is asked of a task', () => {
  const anything = [someone, fc.array(asks, { maxLength: 30 })] as const;

  it('folding its history gives the live task, and the history survives as JSON', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        const { history, steps } = play(assignee, sequence);
        const stored = JSON.parse(JSON.stringify(history)) as TaskEvent[];
        expect(fold(evolve, stored)).toEqual(steps.at(-1)?.after ?? fold(evolve, history));
      }),
    );
  });

  it('an ended task stays as it ended', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        for (const { before, after } of play(assignee, sequence).steps) if (before.status !== 'open') expect(after).toEqual(before);
      }),
    );
  });

  it('every event changes something, and leaves the plan alone', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        for (const { before, after, events } of play(assignee, sequence).steps) {
          expect(events.length).toBeLessThanOrEqual(1);
          expect([after.status, after.assignee_id].join() !== [before.status, before.assignee_id].join()).toBe(events.length === 1);
          expect(after).toMatchObject(aPlan());
        }
      }),
    );
  });

  it('says when it ended, and only then', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        for (const { after } of play(assignee, sequence).steps) {
          expect('completed_at' in after && 'completed_by' in after).toBe(after.status === 'completed');
          expect('cancelled_at' in after).toBe(after.status === 'cancelled');
        }
      }),
    );
  });

  it('its time of change moves with its events, and with nothing else', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        for (const { before, after, events } of play(assignee, sequence).steps) {
          expect(after.updated_at > before.updated_at).toBe(events.length > 0);
          expect(after.created_at).toBe(before.created_at);
        }
      }),
    );
  });
});
