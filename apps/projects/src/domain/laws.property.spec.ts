import fc from 'fast-check';
import { fold } from '@works/platform/decider';
import { RuleViolation } from '@works/platform/errors';
import { aDelivery, aGate, GLASS, HANDOVER, KEY } from './delivery.examples';
import { addMilestone, evolve as evolveMilestone, reachMilestone, reachWhenDone, type Milestone, type MilestoneEvent } from './milestone';
import { closeProject, createProject, evolve as evolveProject, type Project, type ProjectEvent } from './project';

type Ask<State, Event> = (state: State, at: string) => Event[];

const timeOf = (step: number): string => new Date(Date.UTC(2026, 10, 23, 9, 0, 0, step)).toISOString();

/** Plays any asks against a new aggregate, one millisecond apart; a refusal changes nothing. */
function play<State, Event>(first: Event, evolve: (state: State | null, event: Event) => State, asks: readonly Ask<State, Event>[]) {
  const history = [first];
  let state = evolve(null, first);
  const steps = asks.map((ask, index) => {
    const before = state;
    const events = unlessRefused(() => ask(before, timeOf(index + 1)));
    history.push(...events);
    state = fold(evolve, events, before)!;
    return { before, after: state, events };
  });
  return { history, steps, state };
}

function unlessRefused<Event>(decide: () => Event[]): Event[] {
  try {
    return decide();
  } catch (error) {
    if (error instanceof RuleViolation) return [];
    throw error;
  }
}

describe('whatever is asked of a milestone', () => {
  const progress = fc.record({ tasks: fc.integer({ min: 0, max: 3 }), tasks_completed: fc.integer({ min: 0, max: 3 }) });
  const asks = fc.oneof(
    fc
      .record({
        progress,
        openTasks: fc.constantFrom([], [GLASS]),
        projectStatus: fc.constantFrom('active' as const, 'closed' as const),
        note: fc.constant(null),
      })
      .map(
        (how): Ask<Milestone, MilestoneEvent> =>
          (milestone, at) =>
            reachMilestone(milestone, { by: KEY, at, ...how }),
      ),
    progress.map(
      (counts): Ask<Milestone, MilestoneEvent> =>
        (milestone, at) =>
          reachWhenDone(milestone, counts, at),
    ),
  );
  const anything = [fc.boolean(), fc.array(asks, { maxLength: 30 })] as const;
  const playMilestone = (requires_sign_off: boolean, sequence: readonly Ask<Milestone, MilestoneEvent>[]) =>
    play(addMilestone(aGate({ requires_sign_off }), timeOf(0)), evolveMilestone, sequence);

  it('it is reached at most once, and stays as it was reached', () => {
    fc.assert(
      fc.property(...anything, (signed, sequence) => {
        const { history, steps } = playMilestone(signed, sequence);
        expect(history.filter(({ type }) => type === 'milestone.reached').length).toBeLessThanOrEqual(1);
        for (const { before, after } of steps) if (before.status === 'reached') expect(after).toEqual(before);
      }),
    );
  });

  it('it never reaches by itself where a sign-off is required', () => {
    fc.assert(
      fc.property(fc.array(asks, { maxLength: 30 }), (sequence) => {
        const { state } = playMilestone(true, sequence);
        expect(state.status === 'pending' || state.sign_off !== null).toBe(true);
      }),
    );
  });

  it('folding its history, read back from JSON, gives the live milestone', () => {
    fc.assert(
      fc.property(...anything, (signed, sequence) => {
        const { history, state } = playMilestone(signed, sequence);
        expect(fold(evolveMilestone, JSON.parse(JSON.stringify(history)) as MilestoneEvent[])).toEqual(state);
      }),
    );
  });
});

describe('whatever is asked of a project', () => {
  const asks = fc
    .record({
      outcome: fc.constantFrom('delivered' as const, 'cancelled' as const),
      openTasks: fc.constantFrom('refuse' as const, 'cancel' as const),
      openTask: fc.boolean(),
      pendingMilestone: fc.boolean(),
    })
    .map(({ outcome, openTasks, openTask, pendingMilestone }): Ask<Project, ProjectEvent> => {
      const openWork = { tasks: openTask ? [GLASS] : [], milestones: pendingMilestone ? [HANDOVER] : [] };
      const progress = {
        milestones: 1,
        milestones_reached: pendingMilestone ? 0 : 1,
        tasks: 1,
        tasks_completed: openTask ? 0 : 1,
        tasks_overdue: 0,
      };
      return (project, at) => closeProject(project, { outcome, openTasks, openWork, progress, at });
    });
  const playProject = (sequence: readonly Ask<Project, ProjectEvent>[]) =>
    play(createProject(aDelivery(), [], timeOf(0)), evolveProject, sequence);

  it('it is closed at most once, and stays as it was closed', () => {
    fc.assert(
      fc.property(fc.array(asks, { maxLength: 20 }), (sequence) => {
        const { history, steps } = playProject(sequence);
        expect(history.filter(({ type }) => type === 'project.closed').length).toBeLessThanOrEqual(1);
        for (const { before, after } of steps) if (before.status === 'closed') expect(after).toEqual(before);
      }),
    );
  });

  it('no open task is left behind silently: it is closed with nothing open, or says that open tasks are cancelled', () => {
    fc.assert(
      fc.property(fc.array(asks, { maxLength: 20 }), (sequence) => {
        for (const event of playProject(sequence).history) {
          if (event.type !== 'project.closed') continue;
          const { progress, open_tasks } = event.data;
          expect(progress.tasks === progress.tasks_completed || open_tasks === 'cancel').toBe(true);
        }
      }),
    );
  });

  it('folding its history, read back from JSON, gives the live project', () => {
    fc.assert(
      fc.property(fc.array(asks, { maxLength: 20 }), (sequence) => {
        const { history, state } = playProject(sequence);
        expect(fold(evolveProject, JSON.parse(JSON.stringify(history)) as ProjectEvent[])).toEqual(state);
      }),
    );
  });
});
