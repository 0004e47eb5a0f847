import { refusalOf, specificationOf } from '@works/platform/testing';
import { aGate, GLASS, KEY, milestoneAfter, MORNING, NOON } from './delivery.examples';
import {
  addMilestone,
  addMilestoneLater,
  evolve,
  reachMilestone,
  reachWhenDone,
  reopenMilestone,
  updateMilestone,
  type Around,
  type Gate,
  type Milestone,
  type MilestoneEvent,
  type Reaching,
  type Terms,
} from './milestone';

const given = specificationOf(evolve);

const added = (overrides: Partial<Gate> = {}) => addMilestone(aGate(overrides), MORNING);
const reached = (overrides = {}): MilestoneEvent => ({
  type: 'milestone.reached',
  data: { sign_off: null, progress: { tasks: 2, tasks_completed: 2 }, at: NOON, ...overrides },
});
const allDone = { tasks: 2, tasks_completed: 2 };
const oneOpen = { tasks: 2, tasks_completed: 1 };

const reaching =
  (overrides: Partial<Reaching> = {}) =>
  (milestone: Milestone) =>
    reachMilestone(milestone, { by: KEY, note: null, openTasks: [], progress: allDone, projectStatus: 'active', at: NOON, ...overrides });
const whenDone = (progress: { tasks: number; tasks_completed: number }) => (milestone: Milestone) =>
  reachWhenDone(milestone, progress, NOON);

describe('reaching a milestone', () => {
  it('says who, when, and what they had to say', () =>
    given(added())
      .when(reaching({ note: 'Walked the site' }))
      .then(reached({ sign_off: { by: KEY, note: 'Walked the site', at: NOON } })));

  it('is the sign-off where one is required', () => {
    given(added({ requires_sign_off: true }))
      .when(reaching())
      .then(reached({ sign_off: { by: KEY, note: null, at: NOON } }));
  });

  it('is possible without any task', () =>
    given(added())
      .when(reaching({ progress: { tasks: 0, tasks_completed: 0 } }))
      .then(reached({ sign_off: { by: KEY, note: null, at: NOON }, progress: { tasks: 0, tasks_completed: 0 } })));

  it('is refused while a task is open, and names it', () =>
    given(added())
      .when(reaching({ openTasks: [GLASS], progress: oneOpen }))
      .thenRefused('milestone_blocked', { blocked_by: [{ kind: 'task', ...GLASS }] }));

  it('is refused once the project is closed', () =>
    given(added())
      .when(reaching({ projectStatus: 'closed' }))
      .thenRefused('project_closed'));

  it('a second time changes nothing, whatever has been opened or closed since', () => {
    given(added(), reached()).when(reaching()).thenNothing();
    given(added(), reached())
      .when(reaching({ openTasks: [GLASS], progress: oneOpen, projectStatus: 'closed' }))
      .thenNothing();
  });
});

describe('the last task of a milestone', () => {
  it('reaches it', () => given(added()).when(whenDone(allDone)).then(reached()));
  it('is not yet the last while another is open', () => given(added()).when(whenDone(oneOpen)).thenNothing());
  it('does not reach it a second time', () => given(added(), reached()).when(whenDone(allDone)).thenNothing());
  it('is not enough where a sign-off is required', () =>
    given(added({ requires_sign_off: true }))
      .when(whenDone(allDone))
      .thenNothing());
  it('must have been completed: only cancelled tasks, or none, reach nothing', () =>
    given(added())
      .when(whenDone({ tasks: 0, tasks_completed: 0 }))
      .thenNothing());
});

describe('a milestone', () => {
  it('is pending, and then reached', () => {
    expect(milestoneAfter(added())).toEqual({ ...aGate(), status: 'pending', created_at: MORNING, updated_at: MORNING });
    expect(milestoneAfter(added(), reached())).toEqual({
      ...aGate(),
      status: 'reached',
      sign_off: null,
      reached_at: NOON,
      created_at: MORNING,
      updated_at: NOON,
    });
  });
});

const around = (overrides: Partial<Around> = {}): Around => ({
  progress: oneOpen,
  open_tasks: [GLASS],
  projectStatus: 'active',
  at: NOON,
  ...overrides,
});
const then = { progress: oneOpen, open_tasks: [GLASS], at: NOON };
const done = { progress: allDone, open_tasks: [], at: NOON };

describe('adding a milestone later', () => {
  it('says that no plan has told of it', () =>
    expect(addMilestoneLater(aGate(), 'active', MORNING)).toEqual([
      { type: 'milestone.added', data: { ...aGate(), later: true, at: MORNING } },
    ]));
  it('makes the same milestone as a plan does', () =>
    expect(milestoneAfter(...addMilestoneLater(aGate(), 'active', MORNING))).toEqual(milestoneAfter(added())));
  it('is refused once the project is closed', () =>
    expect(refusalOf(() => addMilestoneLater(aGate(), 'closed', MORNING)).code).toBe('project_closed'));
});

describe('changing a milestone', () => {
  const billing = { items: [{ catalog_item_id: 'itm_01JD8K3V9QWERTYASDFGHZXCVB' as const, qty: 1 }], due_in_days: 7 };
  const changing =
    (terms: Partial<Terms>, overrides: Partial<Around> = {}) =>
    (milestone: Milestone) =>
      updateMilestone(milestone, terms, around(overrides));

  it('says what is different, and only that', () =>
    given(added())
      .when(changing({ name: 'Handover', due_on: null, position: 3, billing }))
      .then({ type: 'milestone.updated', data: { changed: { due_on: null, position: 3, billing }, ...then } }));

  it('changes nothing when all of it is so already, however it is spelled', () => {
    given(added({ billing }))
      .when(changing({ billing: { due_in_days: 7, items: billing.items.map(({ qty, catalog_item_id }) => ({ qty, catalog_item_id })) } }))
      .thenNothing();
    given(added())
      .when(changing({ name: 'Handover' }, { projectStatus: 'closed' }))
      .thenNothing();
  });

  it('is refused once the project is closed', () =>
    given(added())
      .when(changing({ name: 'Keys' }, { projectStatus: 'closed' }))
      .thenRefused('project_closed'));

  it('reaches it when its tasks are done and no sign-off is required any more', () =>
    given(added({ requires_sign_off: true }))
      .when(changing({ requires_sign_off: false }, done))
      .then({ type: 'milestone.updated', data: { changed: { requires_sign_off: false }, ...done } }, reached()));

  it('does not reach it while a task is open, without tasks, or when something else changes', () => {
    const signed = added({ requires_sign_off: true });
    const updated = (changed: object, seen: object): MilestoneEvent =>
      ({ type: 'milestone.updated', data: { changed, ...seen } }) as MilestoneEvent;
    given(signed)
      .when(changing({ requires_sign_off: false }))
      .then(updated({ requires_sign_off: false }, then));
    const none = { ...done, progress: { tasks: 0, tasks_completed: 0 } };
    given(signed)
      .when(changing({ requires_sign_off: false }, none))
      .then(updated({ requires_sign_off: false }, none));
    given(added())
      .when(changing({ name: 'Keys' }, done))
      .then(updated({ name: 'Keys' }, done));
  });

  it('leaves a reached one reached', () =>
    given(added({ requires_sign_off: true }), reached())
      .when(changing({ requires_sign_off: false }, done))
      .then({ type: 'milestone.updated', data: { changed: { requires_sign_off: false }, ...done } }));
});

describe('reopening a milestone', () => {
  const reopening =
    (overrides: Partial<Around> = {}) =>
    (milestone: Milestone) =>
      reopenMilestone(milestone, around(overrides));
  const reopened: MilestoneEvent = { type: 'milestone.reopened', data: then };

  it('makes it pending again, without a trace of its reaching', () => {
    given(added(), reached()).when(reopening()).then(reopened);
    expect(milestoneAfter(added(), reached(), reopened)).toEqual({ ...milestoneAfter(added()), updated_at: NOON });
  });
  it('lets it be reached a second time', () => given(added(), reached(), reopened).when(whenDone(allDone)).then(reached()));
  it('changes nothing while it is pending, in whichever project', () =>
    given(added())
      .when(reopening({ projectStatus: 'closed' }))
      .thenNothing());
  it('is refused once the project is closed', () =>
    given(added(), reached())
      .when(reopening({ projectStatus: 'closed' }))
      .thenRefused('project_closed'));
});
