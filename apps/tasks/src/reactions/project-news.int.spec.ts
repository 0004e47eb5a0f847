import type { Pool } from 'pg';
import type { PublicEvent } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { Task } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { CaughtUp } from '@works/platform/caught-up';
import { fold } from '@works/platform/decider';
import { EventStore } from '@works/platform/event-store';
import { newId } from '@works/platform/ids';
import { openPool } from '@works/platform/postgres';
import { Inbox } from '@works/platform/reactions';
import { TenantDatabase } from '@works/platform/tenancy';
import { aCaller, aCommand, testDatabase } from '@works/platform/testing';
import { decision, tasks } from '../aggregate';
import { completeTask, evolve, type TaskEvent } from '../domain/task';
import { publish } from '../publications';
import { TasksAround } from '../surroundings';
import { presentRow, TASK_COLUMNS, type TaskRow } from '../read-models/task-rows';
import { CancelTasksWhenProjectClosed } from './cancel-tasks-when-project-closed';
import {
  aLargeProjectCreated,
  aMilestoneAdded,
  aProjectClosed,
  aProjectCreated,
  aProjectMoved,
  aProjectReopened,
  plannedTasks,
} from './project-news.examples';
import { RememberMilestoneWhenAdded } from './remember-milestone-when-added';
import { ScaffoldTasksWhenProjectCreated } from './scaffold-tasks-when-project-created';
import { TakeTasksAgainWhenProjectReopened } from './take-tasks-again-when-project-reopened';

interface Stored {
  type: string;
  stream_id: string;
  data: TaskEvent['data'];
  public: string;
  log_key: string;
  metadata: { actor: unknown; request_id: string };
}

describe('news of a project', () => {
  let testbed: Awaited<ReturnType<typeof testDatabase>>;
  let pool: Pool;
  let database: TenantDatabase;
  let store: EventStore;
  let scaffolding: ScaffoldTasksWhenProjectCreated;
  let cancelling: CancelTasksWhenProjectClosed;
  let reopening: TakeTasksAgainWhenProjectReopened;
  let adding: RememberMilestoneWhenAdded;
  let caller: Caller;

  beforeAll(async () => {
    testbed = await testDatabase('tasks');
    pool = openPool(testbed.appUrl, { max: 4, applicationName: 'spec' });
    database = new TenantDatabase(pool);
    store = new EventStore({ pool, service: 'tasks', publish, valueBytesMax: 900_000, catalogue: PROBLEMS, committed: () => undefined });
    scaffolding = new ScaffoldTasksWhenProjectCreated(new Inbox(database), store);
    cancelling = new CancelTasksWhenProjectClosed(new Inbox(database), store);
    reopening = new TakeTasksAgainWhenProjectReopened(new Inbox(database));
    adding = new RememberMilestoneWhenAdded(new Inbox(database));
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(async () => {
    await pool.end();
    await testbed.drop();
  });

  const tasksOf = async (projectId: string, now = new Date('2026-11-23T06:30:00.000Z'), whose: Caller = caller): Promise<Task[]> => {
    const rows = await database.query<TaskRow & { id: string }>(
      whose,
      `select ${TASK_COLUMNS} from tasks t where t.project_id = $1 order by t.id collate "C"`,
      [projectId],
    );
    return rows.map((row) => presentRow(row, now));
  };
  const eventsOf = (projectId: string): Promise<Stored[]> =>
    database.query<Stored & Record<string, unknown>>(caller, 'select e.* from events e where log_key = $1 order by e.position', [
      projectId,
    ]);
  const typesOf = async (projectId: string) => (await eventsOf(projectId)).map(({ type }) => type).sort();
  const statusesOf = async (projectId: string) => (await tasksOf(projectId)).map(({ status }) => status);
  const referenceTo = async (projectId: string) =>
    (
      await database.query(caller, 'select status, version, milestone_ids, time_zone from project_references where project_id = $1', [
        projectId,
      ])
    )[0];
  const complete = (task: Task) =>
    store.change(aCommand({ caller }), tasks, task.id, (state, loaded) =>
      decision(loaded, {
        events: completeTask(state, { at: '2026-11-23T10:00:00.000Z', by: caller.actor, force: true, openDependencies: [] }),
        seen: { now: new Date(), blocked: false },
      }),
    );

  describe('that it was created', () => {
    // What `POST /projects` has shown is what `GET /tasks/{id}` shows, to the byte.
    it('makes exactly the tasks of the plan', async () => {
      const news = aProjectCreated(caller);
      await scaffolding.scaffold(news);
      expect((await tasksOf(news.subject)).map((task) => JSON.stringify(task))).toEqual(
        plannedTasks(news).map((task) => JSON.stringify(task)),
      );
    });

    it('makes them once, however often and however many times at once it comes', async () => {
      const news = aProjectCreated(caller);
      await Promise.all([scaffolding.scaffold(news), scaffolding.scaffold(news), scaffolding.scaffold(news)]);
      await scaffolding.scaffold(news);
      expect(await typesOf(news.subject)).toEqual(['task.assigned', 'task.assigned', 'task.created', 'task.created', 'task.created']);
    });

    it('tells of each task and each assignment in the name of whoever made the project', async () => {
      const news = aProjectCreated(caller);
      await scaffolding.scaffold(news);
      const events = await eventsOf(news.subject);
      const order = plannedTasks(news)[1]!;
      const told = events.filter(({ stream_id }) => stream_id === order.id).map((event) => JSON.parse(event.public) as PublicEvent);
      expect(told.map(({ type, actor, request, timestamp }) => ({ type, actor, request, timestamp }))).toEqual(
        ['task.created', 'task.assigned'].map((type) => ({ type, actor: news.actor, request: news.request, timestamp: news.timestamp })),
      );
      expect(told[1]!.data).toEqual({ task: order, previous: { assignee_id: null } });
      expect(told[0]!.data).toEqual({ task: { ...order, assignee_id: null, version: 1 }, previous: {} });
    });

    it('keeps what new tasks may refer to', async () => {
      const news = aProjectCreated(caller);
      await scaffolding.scaffold(news);
      const milestone_ids = news.data.project.milestones.map(({ id }) => id);
      expect(await referenceTo(news.subject)).toEqual({ status: 'active', version: 1, milestone_ids, time_zone: 'Asia/Kolkata' });
    });

    it('shows them to nobody else', async () => {
      const news = aProjectCreated(caller);
      await scaffolding.scaffold(news);
      expect(await tasksOf(news.subject, new Date(), { ...caller, livemode: !caller.livemode })).toEqual([]);
      expect(await tasksOf(news.subject, new Date(), aCaller())).toEqual([]);
    });

    it('makes all of 1,000 tasks in one go, and cancels them in one go', async () => {
      const news = aLargeProjectCreated(caller);
      await scaffolding.scaffold(news);
      const made = await tasksOf(news.subject);
      expect(made).toHaveLength(1_000);
      expect(new Map(made.map((task) => [task.id, task]))).toEqual(new Map(plannedTasks(news).map((task) => [task.id, task])));
      await cancelling.cancel(aProjectClosed(caller, news.subject, 'cancel'));
      expect(new Set(await statusesOf(news.subject))).toEqual(new Set(['cancelled']));
    });

    it('makes no task of a project without a template', async () => {
      const news = aProjectCreated(caller);
      await scaffolding.scaffold({ ...news, data: { ...news.data, project: { ...news.data.project, milestones: [] } } });
      expect(await eventsOf(news.subject)).toEqual([]);
      expect(await referenceTo(news.subject)).toMatchObject({ status: 'active', milestone_ids: [] });
    });
  });

  describe('that it was closed', () => {
    const scaffolded = async () => {
      const news = aProjectCreated(caller);
      await scaffolding.scaffold(news);
      return { projectId: news.subject, planned: plannedTasks(news) };
    };

    it('cancels what is open when that was ordered, and nothing else', async () => {
      const { projectId, planned } = await scaffolded();
      await complete(planned[0]!);
      const news = aProjectClosed(caller, projectId, 'cancel');
      await cancelling.cancel(news);
      expect(await statusesOf(projectId)).toEqual(['completed', 'cancelled', 'cancelled']);
      expect((await tasksOf(projectId))[1]).toMatchObject({ cancelled_at: news.timestamp, updated_at: news.timestamp, blocked: false });
    });

    it('cancels once, however often it comes', async () => {
      const { projectId } = await scaffolded();
      const news = aProjectClosed(caller, projectId, 'cancel');
      await Promise.all([cancelling.cancel(news), cancelling.cancel(news)]);
      await cancelling.cancel(news);
      expect((await typesOf(projectId)).filter((type) => type === 'task.cancelled')).toHaveLength(3);
    });

    it('leaves open tasks alone when nothing was ordered, and takes no new ones', async () => {
      const { projectId } = await scaffolded();
      await cancelling.cancel(aProjectClosed(caller, projectId, 'none'));
      expect(await statusesOf(projectId)).toEqual(['open', 'open', 'open']);
      expect(await referenceTo(projectId)).toMatchObject({ status: 'closed', version: 2 });
    });

    it('leaves the tasks of other projects alone', async () => {
      const { projectId } = await scaffolded();
      const other = await scaffolded();
      await cancelling.cancel(aProjectClosed(caller, projectId, 'cancel'));
      expect(await statusesOf(other.projectId)).toEqual(['open', 'open', 'open']);
    });

    // Order across topics is not promised: the closing can be read before the creation.
    it('also cancels what is scaffolded only afterwards', async () => {
      const created = aProjectCreated(caller);
      const closed = aProjectClosed(caller, created.subject, 'cancel');
      await cancelling.cancel(closed);
      await scaffolding.scaffold(created);
      await cancelling.cancel(closed);
      const milestone_ids = created.data.project.milestones.map(({ id }) => id);
      expect(await statusesOf(created.subject)).toEqual(['cancelled', 'cancelled', 'cancelled']);
      expect((await tasksOf(created.subject))[0]).toMatchObject({ created_at: created.timestamp, cancelled_at: closed.timestamp });
      expect(await referenceTo(created.subject)).toEqual({ status: 'closed', version: 2, milestone_ids, time_zone: 'Asia/Kolkata' });
    });

    it('tells of such late cancellations with the time of the closing', async () => {
      const created = aProjectCreated(caller);
      const closed = aProjectClosed(caller, created.subject, 'cancel');
      await cancelling.cancel(closed);
      await scaffolding.scaffold(created);
      const told = (await eventsOf(created.subject))
        .filter(({ type }) => type === 'task.cancelled')
        .map((event) => JSON.parse(event.public) as PublicEvent);
      expect(told.map(({ timestamp }) => timestamp)).toEqual([closed.timestamp, closed.timestamp, closed.timestamp]);
    });

    it('cancels nothing that is scaffolded afterwards when that was not ordered', async () => {
      const created = aProjectCreated(caller);
      await cancelling.cancel(aProjectClosed(caller, created.subject, 'none'));
      await scaffolding.scaffold(created);
      expect(await statusesOf(created.subject)).toEqual(['open', 'open', 'open']);
    });

    it('ends alike in whichever order, and however simultaneously, the two are read', async () => {
      const pairs = Array.from({ length: 8 }, () => aProjectCreated(caller)).map((created) => ({
        created,
        closed: aProjectClosed(caller, created.subject, 'cancel'),
      }));
      await Promise.all(pairs.flatMap(({ created, closed }) => [scaffolding.scaffold(created), cancelling.cancel(closed)]));
      for (const { created } of pairs) expect(await statusesOf(created.subject)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    });

    it('does not close what has been reopened since, and still cancels what it had ordered to cancel', async () => {
      const { projectId } = await scaffolded();
      await reopening.note(aProjectReopened(caller, projectId, { version: 5 }));
      await cancelling.cancel(aProjectClosed(caller, projectId, 'cancel', { version: 4 }));
      expect(await referenceTo(projectId)).toMatchObject({ status: 'active', version: 5 });
      expect(await statusesOf(projectId)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    });

    // Guarantees that a person's completion and the cancellation never both win, and neither gets lost in an error.
    it('meets people who complete tasks at the same moment: each task ends once', async () => {
      const { projectId, planned } = await scaffolded();
      const answers = planned.map((task) => complete(task));
      await Promise.all([cancelling.cancel(aProjectClosed(caller, projectId, 'cancel')), ...answers]);
      const outcome = await tasksOf(projectId);
      const answered = await Promise.all(answers);
      expect(outcome.map(({ status }) => status)).toEqual(answered.map(({ status }) => (status === 200 ? 'completed' : 'cancelled')));
    });
  });

  describe('that it was reopened', () => {
    it('takes new tasks again, and leaves cancelled what the closing has cancelled', async () => {
      const created = aProjectCreated(caller);
      await scaffolding.scaffold(created);
      await cancelling.cancel(aProjectClosed(caller, created.subject, 'cancel'));
      const reopened = aProjectReopened(caller, created.subject);
      await Promise.all([reopening.note(reopened), reopening.note(reopened)]);
      expect(await referenceTo(created.subject)).toMatchObject({ status: 'active', version: 3 });
      expect(await statusesOf(created.subject)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    });

    // Order across topics is not promised, and none of the six orders may end otherwise than the right one.
    it('ends alike in whichever order, and however simultaneously, creation, closing and reopening are read', async () => {
      const orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
      ];
      for (const order of [...orders, null]) {
        const created = aProjectCreated(caller);
        const news = [
          () => scaffolding.scaffold(created),
          () => cancelling.cancel(aProjectClosed(caller, created.subject, 'cancel')),
          () => reopening.note(aProjectReopened(caller, created.subject)),
        ];
        if (order === null) await Promise.all(news.map((hear) => hear()));
        else for (const index of order) await news[index]!();
        expect(await statusesOf(created.subject)).toEqual(['cancelled', 'cancelled', 'cancelled']);
        const milestone_ids = created.data.project.milestones.map(({ id }) => id);
        expect(await referenceTo(created.subject)).toEqual({ status: 'active', version: 3, milestone_ids, time_zone: 'Asia/Kolkata' });
      }
    });

    it('keeps what was made after the closing, though that is heard of late', async () => {
      const created = aProjectCreated(caller);
      await scaffolding.scaffold({ ...created, data: { ...created.data, project: { ...created.data.project, milestones: [] } } });
      await reopening.note(aProjectReopened(caller, created.subject));
      const later = aProjectCreated(caller, '2026-11-26T06:30:00.000Z');
      await scaffolding.scaffold({ ...later, data: { ...later.data, project: { ...later.data.project, id: created.subject } } });
      await cancelling.cancel(aProjectClosed(caller, created.subject, 'cancel'));
      expect(await statusesOf(created.subject)).toEqual(['open', 'open', 'open']);
    });
  });

  describe('that it has moved to another time zone', () => {
    it('is known to new tasks, unless something newer is known', async () => {
      const created = aProjectCreated(caller);
      await scaffolding.scaffold(created);
      await reopening.note(aProjectMoved(caller, created.subject, 'Europe/Berlin', { version: 3 }));
      await reopening.note(aProjectMoved(caller, created.subject, 'Asia/Tokyo', { version: 2 }));
      expect(await referenceTo(created.subject)).toMatchObject({ status: 'active', version: 3, time_zone: 'Europe/Berlin' });
    });
  });

  describe('that a milestone was added to it', () => {
    it('lets tasks be put into it, once, also when the project itself is heard of only afterwards', async () => {
      for (const late of [false, true]) {
        const created = aProjectCreated(caller);
        const added = aMilestoneAdded(caller, created.subject);
        if (late) {
          await adding.remember(added);
          await scaffolding.scaffold(created);
        } else {
          await scaffolding.scaffold(created);
          await adding.remember(added);
        }
        await adding.remember({ ...added, id: newId('evt') });
        const { milestone_ids, ...known } = (await referenceTo(created.subject))!;
        expect(known).toEqual({ status: 'active', version: 1, time_zone: 'Asia/Kolkata' });
        expect(milestone_ids).toHaveLength(3);
        expect(new Set(milestone_ids as string[])).toEqual(
          new Set([added.subject, ...created.data.project.milestones.map(({ id }) => id)]),
        );
      }
    });

    // The zone of a project that has not been heard of is not known, so nothing may be put into it yet.
    it('does not let tasks into a project that has not been heard of', async () => {
      const added = aMilestoneAdded(caller, newId('prj'));
      await adding.remember(added);
      const nobody = () => Promise.reject(new Error('nobody is asked'));
      const nowhere = new CaughtUp({
        service: 'tasks',
        sources: [],
        facts: nobody,
        progress: nobody,
        handle: nobody,
        allHandled: nobody,
        isKnown: nobody,
      });
      const mentioned = { projectId: added.data.milestone.project_id, milestoneId: added.subject, dependencies: [] };
      await expect(new TasksAround(database, nowhere).seenBy(caller, new Map()).references(mentioned)).rejects.toMatchObject({
        code: 'unknown_reference',
        extra: { errors: [{ pointer: '/project_id' }] },
      });
    });
  });

  it('leaves documents that are what their events add up to', async () => {
    const created = aProjectCreated(caller);
    await scaffolding.scaffold(created);
    await complete(plannedTasks(created)[0]!);
    await cancelling.cancel(aProjectClosed(caller, created.subject, 'cancel'));
    const events = await eventsOf(created.subject);
    const documents = await database.query<{ id: string; version: number; state: unknown }>(
      caller,
      'select id, version, state from tasks where project_id = $1',
      [created.subject],
    );
    for (const { id, version, state } of documents) {
      const history = events.filter(({ stream_id }) => stream_id === id) as unknown as TaskEvent[];
      expect(state).toEqual(fold(evolve, history));
      expect(version).toBe(history.length);
    }
  });
});
