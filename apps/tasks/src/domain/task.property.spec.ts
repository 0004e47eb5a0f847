import * as fc from 'fast-check';
import { fold } from '@works/platform/decider';
import { RuleViolation, unreachable } from '@works/platform/errors';
import { A_COMMENT, aPlan, ASHA, BRAM, KEY } from './task.examples';
import {
  assignTask,
  cancelTask,
  commentOnTask,
  completeTask,
  createTask,
  evolve,
  reopenTask,
  tellOverdue,
  updateTask,
  type Details,
  type Plan,
  type Task,
  type TaskEvent,
} from './task';

type Ask = (task: Task, at: string) => TaskEvent[];

const someone = fc.constantFrom(ASHA, BRAM, null);
const details: fc.Arbitrary<Partial<Details>> = fc.record(
  {
    title: fc.constantFrom('Order the glass', 'Call', 'Measure'),
    description: fc.constantFrom(null, 'Toughened, 12 mm'),
    milestone_id: fc.constantFrom(null, 'mst_01JD8K3V9QWERTYASDFGHZXCVB'),
    priority: fc.constantFrom('urgent', 'normal'),
    checklist: fc.array(fc.record({ key: fc.constant('quote'), title: fc.constant('Quote'), done: fc.boolean() }), { maxLength: 1 }),
    metadata: fc.dictionary(fc.constantFrom('po', 'so'), fc.constantFrom('1', '2')),
  } satisfies { [Field in keyof Details]?: fc.Arbitrary<Details[Field]> },
  { requiredKeys: [] },
);
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
  fc.record({ wanted: details, cyclic: fc.boolean() }).map(
    ({ wanted, cyclic }): Ask =>
      (task, at) =>
        updateTask(task, wanted, { at, blocked: false, cycle: cyclic ? [task.id, task.id] : null }),
  ),
  fc.constantFrom('active', 'closed', null).map(
    (projectStatus): Ask =>
      (task, at) =>
        reopenTask(task, { at, blocked: false, projectStatus }),
  ),
  fc.constant<Ask>((task, at) => tellOverdue(task, { at, blocked: false })),
  fc.constant<Ask>((_task, at) => commentOnTask(A_COMMENT, { at, blocked: false })),
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

/** What of the task an event may change, beside when it changed. */
function fieldsOf(event: TaskEvent): string[] {
  switch (event.type) {
    case 'task.created':
      return [];
    case 'task.updated':
      return Object.keys(event.data.changes);
    case 'task.assigned':
    case 'task.unassigned':
      return ['assignee_id'];
    case 'task.completed':
    case 'task.cancelled':
    case 'task.reopened':
      return ['status'];
    case 'task.overdue':
      return ['overdue_told_for'];
    case 'task.commented':
      return [];
    default:
      return unreachable(event);
  }
}

function changedFields(before: Task, after: Task): string[] {
  const { created_at: _c, updated_at: _u, ...facts } = after;
  const { completed_at: _at, completed_by: _by, cancelled_at: _x, ...lasting } = facts as typeof facts & Record<string, unknown>;
  return Object.keys(lasting)
    .filter((field) => JSON.stringify(after[field as keyof Task]) !== JSON.stringify(before[field as keyof Task]))
    .sort();
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

  it('an ended task stays as it ended, until it is reopened', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        for (const { before, after, events } of play(assignee, sequence).steps)
          if (before.status !== 'open' && events[0]?.type !== 'task.reopened')
            expect({ ...after, updated_at: '' }).toEqual({ ...before, updated_at: '' });
      }),
    );
  });

  it('what is reopened is what it was before it ended', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        let lastOpen: Task | null = null;
        for (const { before, after, events } of play(assignee, sequence).steps) {
          if (before.status === 'open') lastOpen = before;
          if (events[0]?.type === 'task.reopened') expect({ ...after, updated_at: '' }).toEqual({ ...lastOpen, updated_at: '' });
        }
      }),
    );
  });

  it('a request makes one event or none, none when it is refused, and every event changes just what it says', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        for (const { before, after, events, refused } of play(assignee, sequence).steps) {
          expect(events.length).toBeLessThanOrEqual(refused ? 0 : 1);
          expect(changedFields(before, after)).toEqual(events.flatMap(fieldsOf).sort());
        }
      }),
    );
  });

  it('an update tells only what is different', () => {
    fc.assert(
      fc.property(...anything, (assignee, sequence) => {
        for (const { before, events } of play(assignee, sequence).steps)
          for (const event of events)
            if (event.type === 'task.updated')
              for (const [field, value] of Object.entries(event.data.changes)) expect(before[field as keyof Plan]).not.toEqual(value);
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
