import { specificationOf } from '@works/platform/testing';
import { aDelivery, GLASS, HANDOVER, MORNING, NOON, projectAfter } from './delivery.examples';
import { closeProject, createProject, evolve, type Close, type Project, type ProjectEvent } from './project';

const given = specificationOf(evolve);

const allDone = { milestones: 1, milestones_reached: 1, tasks: 2, tasks_completed: 2, tasks_overdue: 0 };
const someOpen = { milestones: 1, milestones_reached: 0, tasks: 2, tasks_completed: 1, tasks_overdue: 0 };
const nothingOpen = { tasks: [], milestones: [] };
const open = { openWork: { tasks: [GLASS], milestones: [HANDOVER] }, progress: someOpen };

const created = createProject(aDelivery(), [], MORNING);
const closed = (overrides = {}): ProjectEvent => ({
  type: 'project.closed',
  data: { outcome: 'delivered', open_tasks: 'none', progress: allDone, at: NOON, ...overrides },
});
const closing =
  (overrides: Partial<Close> = {}) =>
  (project: Project) =>
    closeProject(project, { outcome: 'delivered', openTasks: 'refuse', openWork: nothingOpen, progress: allDone, at: NOON, ...overrides });

describe('creating a project', () => {
  it('tells the plan, and does not keep it', () => {
    expect(created).toEqual({ type: 'project.created', data: { ...aDelivery(), plan: [], at: MORNING } });
    expect(projectAfter(created)).toEqual({ ...aDelivery(), status: 'active', created_at: MORNING, updated_at: MORNING });
  });
});

describe('closing a project as delivered', () => {
  it('says so when everything is done', () => given(created).when(closing()).then(closed()));

  it('is refused while work is open, and names it', () =>
    given(created)
      .when(closing(open))
      .thenRefused('project_has_open_work', {
        blocked_by: [
          { kind: 'task', ...GLASS },
          { kind: 'milestone', id: HANDOVER.id, title: HANDOVER.name },
        ],
      }));

  it('is refused while only a milestone is pending', () =>
    given(created)
      .when(closing({ openWork: { tasks: [], milestones: [HANDOVER] } }))
      .thenRefused('project_has_open_work', { blocked_by: [{ kind: 'milestone', id: HANDOVER.id, title: HANDOVER.name }] }));

  it('cancels what is open when told to', () =>
    given(created)
      .when(closing({ ...open, openTasks: 'cancel' }))
      .then(closed({ open_tasks: 'cancel', progress: someOpen })));
});

describe('closing a project as cancelled', () => {
  it('cancels what is open', () =>
    given(created)
      .when(closing({ ...open, outcome: 'cancelled', openTasks: 'cancel' }))
      .then(closed({ outcome: 'cancelled', open_tasks: 'cancel', progress: someOpen })));

  it('is refused while tasks are open, when told to refuse', () =>
    given(created)
      .when(closing({ ...open, outcome: 'cancelled' }))
      .thenRefused('project_has_open_work', { blocked_by: [{ kind: 'task', ...GLASS }] }));

  it('does not ask for its milestones', () =>
    given(created)
      .when(closing({ outcome: 'cancelled', openWork: { tasks: [], milestones: [HANDOVER] } }))
      .then(closed({ outcome: 'cancelled' })));
});

describe('a closed project', () => {
  it('closed once more in the same way changes nothing, whatever is open by now', () =>
    given(created, closed()).when(closing(open)).thenNothing());
  it('cannot be closed in another way', () =>
    given(created, closed())
      .when(closing({ outcome: 'cancelled' }))
      .thenRefused('project_closed'));
  it('keeps how and when', () =>
    expect(projectAfter(created, closed())).toMatchObject({ status: 'closed', outcome: 'delivered', closed_at: NOON, updated_at: NOON }));
});
