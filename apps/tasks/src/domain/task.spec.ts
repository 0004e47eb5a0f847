import { fold } from '@works/platform/decider';
import { specificationOf } from '@works/platform/testing';
import {
  A_COMMENT,
  aPlan,
  ASHA,
  assigned,
  BRAM,
  cancelled,
  completed,
  created,
  KEY,
  MORNING,
  NOON,
  reopened,
  updated,
} from './task.examples';
import {
  assignTask,
  cancelTask,
  commentOnTask,
  completeTask,
  createTask,
  evolve,
  isOverdue,
  reopenTask,
  tellOverdue,
  updateTask,
  type Details,
  type Task,
  type TaskEvent,
  type TaskId,
} from './task';

const taskAfter = (...history: TaskEvent[]): Task => fold(evolve, history)!;

const given = specificationOf(evolve);

const now = { at: NOON, blocked: false };
const assigning = (to: typeof ASHA | null) => (task: Task) => assignTask(task, to, now);
const completing =
  (overrides = {}) =>
  (task: Task) =>
    completeTask(task, { at: NOON, by: KEY, force: false, openDependencies: [], ...overrides });
const updating =
  (wanted: Partial<Details>, cycle: TaskId[] | null = null) =>
  (task: Task) =>
    updateTask(task, wanted, { ...now, cycle });
const reopening =
  (projectStatus: 'active' | 'closed' | null = null) =>
  (task: Task) =>
    reopenTask(task, { ...now, projectStatus });
const telling = (task: Task) => tellOverdue(task, now);
const cancelling = (task: Task) => cancelTask(task, now);

const assignedNow = (to: typeof ASHA): TaskEvent => ({ type: 'task.assigned', data: { assignee_id: to, at: NOON, blocked: false } });
const completedNow: TaskEvent = { type: 'task.completed', data: { by: KEY, at: NOON } };

describe('creating a task', () => {
  it('is one event without an assignee', () => {
    expect(createTask(aPlan(), null, now)).toEqual([{ type: 'task.created', data: { ...aPlan(), ...now } }]);
  });

  it('also lands in the queue of its assignee', () => {
    expect(createTask(aPlan(), ASHA, now).map(({ type }) => type)).toEqual(['task.created', 'task.assigned']);
  });

  it('leaves an open task that nobody has, until it is assigned', () => {
    expect(taskAfter(created())).toMatchObject({ status: 'open', assignee_id: null });
    expect(taskAfter(created(), assigned(ASHA))).toMatchObject({ status: 'open', assignee_id: ASHA });
  });

  // A dependency can end at any time without a word in this task's history: what is kept would be stale.
  it('does not keep whether it was blocked', () => expect(taskAfter(created(), assigned(ASHA))).not.toHaveProperty('blocked'));
});

describe('assigning a task', () => {
  it('puts it in a queue', () => given(created()).when(assigning(ASHA)).then(assignedNow(ASHA)));
  it('moves it to another queue', () => given(created(), assigned(ASHA)).when(assigning(BRAM)).then(assignedNow(BRAM)));
  it('to nobody takes it out of every queue', () =>
    given(created(), assigned(ASHA)).when(assigning(null)).then({ type: 'task.unassigned', data: now }));
  it('to the one who has it changes nothing', () => given(created(), assigned(ASHA)).when(assigning(ASHA)).thenNothing());
  it('to nobody changes nothing when nobody has it', () => given(created()).when(assigning(null)).thenNothing());
  it('is refused once the task is completed', () => given(created(), completed).when(assigning(ASHA)).thenRefused('task_completed'));
  it('is refused once the task is cancelled', () => given(created(), cancelled).when(assigning(ASHA)).thenRefused('task_cancelled'));
});

describe('completing a task', () => {
  const glass = { id: aPlan().id, title: 'Measure the openings' };

  it('says who and when', () => given(created()).when(completing()).then(completedNow));
  it('a second time changes nothing', () => given(created(), completed).when(completing()).thenNothing());
  it('a second time changes nothing, whatever is open before it', () =>
    given(created(), completed)
      .when(completing({ openDependencies: [glass] }))
      .thenNothing());
  it('is refused while a dependency is open, and names it', () =>
    given(created())
      .when(completing({ openDependencies: [glass] }))
      .thenRefused('task_blocked', { blocked_by: [{ kind: 'task', ...glass }] }));
  it('can be forced despite open dependencies', () =>
    given(created())
      .when(completing({ openDependencies: [glass], force: true }))
      .then(completedNow));
  it('is refused once the task is cancelled, also by force', () =>
    given(created(), cancelled)
      .when(completing({ force: true }))
      .thenRefused('task_cancelled'));
});

describe('cancelling a task', () => {
  it('ends it', () =>
    given(created(), assigned(ASHA))
      .when(cancelling)
      .then({ type: 'task.cancelled', data: { at: NOON } }));
  it('a second time changes nothing', () => given(created(), cancelled).when(cancelling).thenNothing());
  it('is refused once the task is completed', () => given(created(), completed).when(cancelling).thenRefused('task_completed'));
});

describe('changing a task', () => {
  const updatedNow = (changes: Partial<Details>): TaskEvent => ({ type: 'task.updated', data: { changes, ...now } });
  const quote = { key: 'quote', title: 'Ask for three quotes', done: false };

  it('says what is different, and nothing that is not', () =>
    given(created({ priority: 'high' }))
      .when(updating({ title: 'Order the glass', priority: 'high', due_on: '2026-12-01' }))
      .then(updatedNow({ title: 'Order the glass', due_on: '2026-12-01' })));
  it('takes the latest word', () =>
    expect(taskAfter(created(), updated({ title: 'First' }), updated({ title: 'Second', metadata: { po: '1' } }))).toMatchObject({
      ...aPlan(),
      title: 'Second',
      metadata: { po: '1' },
    }));
  it('to what it is already changes nothing', () =>
    given(created({ checklist: [quote], metadata: { po: '1', so: '2' } }))
      .when(
        updating({ title: aPlan().title, checklist: [{ title: quote.title, done: false, key: 'quote' }], metadata: { so: '2', po: '1' } }),
      )
      .thenNothing());
  it('sees that a line of the checklist was ticked', () =>
    given(created({ checklist: [quote] }))
      .when(updating({ checklist: [{ ...quote, done: true }] }))
      .then(updatedNow({ checklist: [{ ...quote, done: true }] })));
  it('is refused when it would wait for itself, and names the way around', () => {
    const [a, b] = [aPlan().id, 'tsk_01JD8K3V9QWERTYASDFGHZXCV0' as const];
    given(created())
      .when(updating({ depends_on: [b] }, [a, b, a]))
      .thenRefused('dependency_cycle', {
        cycle: [a, b, a],
        errors: [expect.objectContaining({ pointer: '/depends_on/0', code: 'dependency_cycle' })],
      });
  });
  it('is refused once the task is completed', () => given(created(), completed).when(updating({})).thenRefused('task_completed'));
  it('is refused once the task is cancelled', () => given(created(), cancelled).when(updating({})).thenRefused('task_cancelled'));
});

describe('reopening a task', () => {
  const reopenedNow: TaskEvent = { type: 'task.reopened', data: now };

  it('takes back that it was completed', () => given(created(), completed).when(reopening()).then(reopenedNow));
  it('takes back that it was cancelled', () => given(created(), cancelled).when(reopening('active')).then(reopenedNow));
  it('leaves no trace of the end, and the task with whoever had it', () =>
    expect(taskAfter(created(), assigned(ASHA), completed, reopened)).toEqual(taskAfter(created(), assigned(ASHA))));
  it('changes nothing while the task is open, whatever its project is', () => given(created()).when(reopening('closed')).thenNothing());
  it('is refused in a closed project', () => given(created(), cancelled).when(reopening('closed')).thenRefused('project_closed'));
});

describe('commenting on a task', () => {
  const commentedNow: TaskEvent = { type: 'task.commented', data: { comment: A_COMMENT, ...now } };
  const commenting = () => commentOnTask(A_COMMENT, now);

  it('can be done whatever became of it', () => {
    given(created()).when(commenting).then(commentedNow);
    given(created(), completed).when(commenting).then(commentedNow);
    given(created(), cancelled).when(commenting).then(commentedNow);
  });
  it('changes nothing of the task but the time of its last change', () =>
    expect(taskAfter(created(), completed, commentedNow)).toEqual({ ...taskAfter(created(), completed), updated_at: NOON }));
});

describe('an overdue task', () => {
  const due = created({ overdue_at: NOON });

  it('is so from its very instant on', () => {
    expect(isOverdue(taskAfter(due), '2026-11-23T06:29:59.999Z')).toBe(false);
    expect(isOverdue(taskAfter(due), NOON)).toBe(true);
  });

  it('is no longer so once it has ended', () => {
    expect(isOverdue(taskAfter(due, completed), NOON)).toBe(false);
    expect(isOverdue(taskAfter(due, cancelled), NOON)).toBe(false);
  });

  it('is told of once', () => {
    const toldNow: TaskEvent = { type: 'task.overdue', data: { overdue_at: NOON, ...now } };
    given(due).when(telling).then(toldNow);
    given(due, toldNow).when(telling).thenNothing();
    given(due, toldNow, completed, reopened).when(telling).thenNothing();
  });

  it('is told of again once its date has moved and passed, not when only something else has changed', () => {
    const told: TaskEvent = { type: 'task.overdue', data: { overdue_at: MORNING, at: MORNING, blocked: false } };
    const early = created({ overdue_at: MORNING });
    given(early, told, updated({ title: 'Call' }))
      .when(telling)
      .thenNothing();
    given(early, told, updated({ overdue_at: '2026-11-24T00:00:00.000Z' }))
      .when(telling)
      .thenNothing();
    given(early, told, updated({ overdue_at: NOON }))
      .when(telling)
      .then({ type: 'task.overdue', data: { overdue_at: NOON, ...now } });
  });

  it('is not told of before its instant, after its end, or without a date', () => {
    given(created({ overdue_at: '2026-11-23T06:30:00.001Z' }))
      .when(telling)
      .thenNothing();
    given(due, completed).when(telling).thenNothing();
    given(due, cancelled).when(telling).thenNothing();
    given(created()).when(telling).thenNothing();
  });

  it('has a due date', () => expect(isOverdue(taskAfter(created()), NOON)).toBe(false));
});
