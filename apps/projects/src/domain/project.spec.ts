import { specificationOf } from '@works/platform/testing';
import { aDelivery, ASHA, BRAM, GLASS, HANDOVER, MORNING, NOON, projectAfter } from './delivery.examples';
import { closeProject, createProject, evolve, reopenProject, updateProject, type Close, type Project, type ProjectEvent } from './project';

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

describe('changing a project', () => {
  const changing = (revision: Parameters<typeof updateProject>[1]) => (project: Project) =>
    updateProject(project, revision, someOpen, NOON);
  const updated = (changed: object): ProjectEvent => ({ type: 'project.updated', data: { changed, progress: someOpen, at: NOON } });

  it('says what is different, and only that', () =>
    given(created)
      .when(changing({ name: 'Site fit-out', owner_id: BRAM, due_on: '2027-01-31' }))
      .then(updated({ owner_id: BRAM, due_on: '2027-01-31' })));

  it('changes nothing when all of it is so already', () => {
    given(created).when(changing({})).thenNothing();
    given(created)
      .when(changing({ name: 'Site fit-out', owner_id: ASHA, deal_id: null, metadata: { po: null } }))
      .thenNothing();
  });

  it('sets and removes keys of metadata, and keeps the others', () => {
    const noted = createProject(aDelivery({ metadata: { po: '1', floor: '2', old: '3' } }), [], MORNING);
    given(noted)
      .when(changing({ metadata: { po: '4', old: null, site: '5' } }))
      .then(updated({ metadata: { po: '4', floor: '2', site: '5' } }));
    given(noted)
      .when(changing({ metadata: { po: '1', floor: '2' } }))
      .thenNothing();
  });

  it('keeps at most 50 keys of metadata', () => {
    const keys = (from: number, count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${from + n}`, 'v']));
    const full = createProject(aDelivery({ metadata: keys(0, 50) }), [], MORNING);
    given(full)
      .when(changing({ metadata: { more: 'v' } }))
      .thenRefused('validation_failed', { errors: [{ pointer: '/metadata', code: 'too_many' }] });
    given(full)
      .when(changing({ metadata: { more: 'v', k0: null } }))
      .then(updated({ metadata: { ...keys(1, 49), more: 'v' } }));
  });

  // The result counts, not the fields that came: each of the two alone can be right.
  it('cannot make it end before it starts', () => {
    const planned = createProject(aDelivery({ starts_on: '2026-12-01', due_on: '2026-12-31' }), [], MORNING);
    given(planned)
      .when(changing({ starts_on: '2027-01-01' }))
      .thenRefused('validation_failed', { errors: [{ pointer: '/starts_on', code: 'out_of_range' }] });
    given(planned)
      .when(changing({ due_on: '2026-11-30', name: 'Other' }))
      .thenRefused('validation_failed', { errors: [{ pointer: '/due_on', code: 'out_of_range' }] });
    given(planned)
      .when(changing({ starts_on: '2026-12-31' }))
      .then(updated({ starts_on: '2026-12-31' }));
    given(planned)
      .when(changing({ starts_on: '2027-01-01', due_on: null }))
      .then(updated({ starts_on: '2027-01-01', due_on: null }));
  });

  it('leaves alone what ended before it started already, until its dates are asked for', () => {
    const before = createProject(aDelivery({ starts_on: '2026-12-31', due_on: '2026-12-01' }), [], MORNING);
    given(before)
      .when(changing({ name: 'Other' }))
      .then(updated({ name: 'Other' }));
  });

  it('is refused once it is closed, unless it is so already', () => {
    given(created, closed())
      .when(changing({ name: 'Other' }))
      .thenRefused('project_closed');
    given(created, closed())
      .when(changing({ name: 'Site fit-out' }))
      .thenNothing();
  });
});

describe('reopening a project', () => {
  const reopening = (project: Project) => reopenProject(project, someOpen, NOON);
  const reopened: ProjectEvent = { type: 'project.reopened', data: { progress: someOpen, at: NOON } };

  it('makes it active again, without a trace of its closing', () => {
    given(created, closed()).when(reopening).then(reopened);
    expect(projectAfter(created, closed(), reopened)).toEqual({ ...projectAfter(created), updated_at: NOON });
  });

  it('changes nothing when it is active', () => given(created).when(reopening).thenNothing());
});
