import fc from 'fast-check';
import { fold } from '@works/platform/decider';
import { RuleViolation } from '@works/platform/errors';
import { aDelivery, aGate, GLASS, HANDOVER, KEY } from './delivery.examples';
import { noteDraft, noteFailure, requestInvoice } from './invoicing';
import {
  addMilestone,
  evolve as evolveMilestone,
  reachMilestone,
  reachWhenDone,
  reopenMilestone,
  updateMilestone,
  type Milestone,
  type MilestoneEvent,
} from './milestone';
import {
  closeProject,
  createProject,
  evolve as evolveProject,
  reopenProject,
  updateProject,
  type Project,
  type ProjectEvent,
} from './project';

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
        invoicing: fc.boolean(),
      })
      .map(
        (how): Ask<Milestone, MilestoneEvent> =>
          (milestone, at) =>
            reachMilestone(milestone, { by: KEY, at, ...how }),
      ),
    fc
      .record({
        progress,
        projectStatus: fc.constantFrom('active' as const, 'closed' as const),
        terms: fc.constantFrom<Parameters<typeof updateMilestone>[1] | 'reopen'>(
          'reopen',
          'reopen',
          { requires_sign_off: true },
          { requires_sign_off: false },
          { name: 'Keys', position: 2 },
          { due_on: null, billing: { items: [], due_in_days: 7 } },
          { billing: null },
        ),
      })
      .map(({ terms, ...how }): Ask<Milestone, MilestoneEvent> => (milestone, at) => {
        const around = { ...how, open_tasks: [], at };
        return terms === 'reopen' ? reopenMilestone(milestone, around) : updateMilestone(milestone, terms, around);
      }),
    fc.tuple(progress, fc.boolean()).map(
      ([counts, invoicing]): Ask<Milestone, MilestoneEvent> =>
        (milestone, at) =>
          reachWhenDone(milestone, counts, at, invoicing),
    ),
    fc
      .record({ progress, number: fc.integer({ min: 1, max: 3 }), what: fc.constantFrom('draft', 'failure', 'delay', 'request') })
      .map(({ progress: counts, number, what }): Ask<Milestone, MilestoneEvent> => (milestone, at) => {
        const then = { progress: counts, open_tasks: [], at };
        if (what === 'request') return requestInvoice(milestone, { ...then, invoicing: true });
        // SK Billing is only asked for what somebody has asked for.
        if (number > (milestone.invoice?.number ?? 0)) return [];
        if (what === 'draft') return noteDraft(milestone, number, `inv_${number}`, then);
        return noteFailure(milestone, number, { error: 'down', called: true, next_attempt_at: what === 'delay' ? at : null }, then);
      }),
  );
  const anything = [fc.boolean(), fc.array(asks, { maxLength: 30 })] as const;
  const playMilestone = (requires_sign_off: boolean, sequence: readonly Ask<Milestone, MilestoneEvent>[]) =>
    play(addMilestone(aGate({ requires_sign_off }), timeOf(0)), evolveMilestone, sequence);

  it('it is reached and reopened by turns, and stays as it was reached until it is reopened', () => {
    fc.assert(
      fc.property(...anything, (signed, sequence) => {
        const { history, steps } = playMilestone(signed, sequence);
        const turns = history.map(({ type }) => type).filter((type) => type === 'milestone.reached' || type === 'milestone.reopened');
        expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? 'milestone.reached' : 'milestone.reopened')));
        for (const { before, after } of steps) {
          if (before.status !== 'reached' || after.status !== 'reached') continue;
          expect([after.reached_at, after.sign_off]).toEqual([before.reached_at, before.sign_off]);
        }
      }),
    );
  });

  it('it never reaches by itself where a sign-off is required', () => {
    fc.assert(
      fc.property(...anything, (signed, sequence) => {
        for (const { after, events } of playMilestone(signed, sequence).steps) {
          if (events.some(({ type }) => type === 'milestone.reached') && after.requires_sign_off)
            expect(after).toMatchObject({ sign_off: { by: KEY } });
        }
      }),
    );
  });

  it('each reaching has an invoice of its own, none that is drafted changes until it is reopened, and none is left but void', () => {
    fc.assert(
      fc.property(...anything, (signed, sequence) => {
        for (const { before, after, events } of playMilestone(signed, sequence).steps) {
          const [was, is] = [before.invoice, after.invoice];
          if (is?.number !== was?.number) expect([is!.number, is!.status]).toEqual([(was?.number ?? 0) + 1, 'pending']);
          if (was !== undefined) expect(is).toBeDefined();
          if (was?.status === 'drafted') expect(is).toMatchObject({ status: after.status === 'reached' ? 'drafted' : 'void', id: was.id });
          if (after.status === 'pending' && is !== undefined) expect(is.status).toBe('void');
          for (const event of events)
            if (event.type === 'milestone.reached' && event.data.bills !== undefined)
              expect(is).toMatchObject({ status: 'pending', bills: event.data.bills, attempts: 0 });
        }
      }),
    );
  });

  it('an event says only what has become different', () => {
    fc.assert(
      fc.property(...anything, (signed, sequence) => {
        for (const { before, events } of playMilestone(signed, sequence).steps)
          for (const event of events) if (event.type === 'milestone.updated') expect(before).not.toMatchObject(event.data.changed);
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
  const counts = { milestones: 1, milestones_reached: 0, tasks: 1, tasks_completed: 0, tasks_overdue: 0 };
  const revisions = fc.constantFrom<Parameters<typeof updateProject>[1] | 'reopen'>(
    'reopen',
    'reopen',
    { name: 'Other', due_on: '2027-01-31' },
    { name: 'Site fit-out', reference: 'PO-1' },
    { metadata: { po: '1', floor: null } },
    { metadata: { po: null, floor: '2' } },
  );
  const closings = fc
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
  const asks = fc.oneof(
    closings,
    revisions.map(
      (revision): Ask<Project, ProjectEvent> =>
        (project, at) =>
          revision === 'reopen' ? reopenProject(project, counts, at) : updateProject(project, revision, counts, at),
    ),
  );
  const playProject = (sequence: readonly Ask<Project, ProjectEvent>[]) =>
    play(createProject(aDelivery(), [], timeOf(0)), evolveProject, sequence);

  it('it is closed and reopened by turns, and stays as it was closed until it is reopened', () => {
    fc.assert(
      fc.property(fc.array(asks, { maxLength: 20 }), (sequence) => {
        const { history, steps } = playProject(sequence);
        const turns = history.map(({ type }) => type).filter((type) => type === 'project.closed' || type === 'project.reopened');
        expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? 'project.closed' : 'project.reopened')));
        for (const { before, after } of steps) if (before.status === 'closed' && after.status === 'closed') expect(after).toEqual(before);
      }),
    );
  });

  it('an event says only what has become different', () => {
    fc.assert(
      fc.property(fc.array(asks, { maxLength: 20 }), (sequence) => {
        for (const { before, events } of playProject(sequence).steps)
          for (const event of events)
            if (event.type === 'project.updated')
              for (const [field, value] of Object.entries(event.data.changed)) expect(before[field as 'name']).not.toEqual(value);
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
