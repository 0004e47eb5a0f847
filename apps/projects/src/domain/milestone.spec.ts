import { specificationOf } from '@works/platform/testing';
import { aGate, GLASS, KEY, milestoneAfter, MORNING, NOON } from './delivery.examples';
import {
  addMilestone,
  evolve,
  reachMilestone,
  reachWhenDone,
  type Gate,
  type Milestone,
  type MilestoneEvent,
  type Reaching,
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
