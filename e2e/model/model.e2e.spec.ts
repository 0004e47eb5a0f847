import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product } from '../support/product';
import { seeded } from '../support/seeded';
import { Client, ownFields, type Common } from './client';
import { chanceOf } from './commands';
import { expectLawful, expectTold, histories, resourceOf } from './lawful-log';
import { Rules } from './rules';

type Resource = Record<string, any>;

/** About ten seconds of work. */
const COMMANDS = Number(process.env['WORKS_MODEL_COMMANDS'] ?? 600);
const CLIENTS = 4;
const SHARED_PROJECTS = 2;
/** Ends a run that hangs. */
const A_COMMAND_MS = 2_000;

const due = { offset: 5, unit: 'days', from: 'start' };
const TEMPLATE = {
  key: 'two_phases',
  name: 'Two phases',
  milestones: [
    { key: 'plan', name: 'Plan', due, tasks: ['measure', 'draw'].map((key) => ({ key, title: key, due })) },
    {
      ...{ key: 'build', name: 'Build', due, requires_sign_off: true },
      tasks: [
        { key: 'order', title: 'order', due, depends_on: ['measure'] },
        { key: 'install', title: 'install', due, depends_on: ['order', 'draw'] },
      ],
    },
  ],
};

/**
 * Clients that send whatever comes to their mind, each to projects of its own, where every answer has to be the one that the rules give, and
 * to projects that all of them change at once. The same commands each time; WORKS_MODEL_SEED tries others.
 */
describe('whatever clients do, the rules hold', () => {
  const seed = Number(process.env['WORKS_MODEL_SEED'] ?? 20_261);
  const users = Array.from({ length: 5 }, () => newId('usr'));
  const common: Common = { rules: new Rules(), told: [], succeeded: new Set() };
  let product: Product;
  let api: Api;
  let clients: Client[];
  let events: Resource[];
  let told: Map<string, Resource[]>;

  beforeAll(async () => {
    product = await Product.start();
    api = new Api(product.url, product.organizations[0]!.live_key);
    expect((await api.post('/templates', TEMPLATE)).status).toBe(201);
    for (let place = 0; place < SHARED_PROJECTS; place++) {
      const { body } = await api.post('/projects', { name: 'Shared', owner_id: users[0], template: TEMPLATE.key });
      common.rules.opened(body);
    }
    clients = Array.from({ length: CLIENTS }, (_, index) => {
      const references = ['a', 'b', 'c'].map((letter) => `client-${index}-${letter}`);
      const place = { users, template: TEMPLATE.key, references, projectsMax: 3 + COMMANDS / 200 };
      return new Client(api, new Rules(), common, chanceOf(seeded(seed + index)), place);
    });
  });
  afterAll(() => product.stop());

  const projects = () => [...clients, { rules: common.rules }].flatMap(({ rules }) => [...rules.projects.keys()]);

  it(
    `answers ${COMMANDS} commands of ${CLIENTS} clients as the rules say, seed ${seed}`,
    async () => {
      let left = COMMANDS;
      let failed = false;
      const work = async (client: Client) => {
        while (left-- > 0 && !failed) await client.step();
      };
      const failing = clients.map((client) => work(client).catch((error: unknown) => ((failed = true), Promise.reject(error as Error))));
      const outcomes = await Promise.allSettled(failing);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    },
    600_000 + COMMANDS * A_COMMAND_MS,
  );

  it('is in the state that the rules lead to', async () => {
    for (const { rules } of clients) {
      for (const id of rules.projects.keys()) {
        const { body } = await api.get(`/projects/${id}?expand=milestones,milestones.tasks`);
        expect(body).toMatchObject(rules.shownProject(id));
        expect(body['milestones']).toMatchObject(rules.milestonesOf(id).map((milestone) => rules.shownMilestone(milestone.id)));
        const tasks = await api.all(`/tasks?project_id=${id}`);
        const known = rules.tasksOf({ project_id: id });
        expect(tasks.map((task) => task['id'] as string).sort()).toEqual(known.map((task) => task.id).sort());
        for (const task of tasks) expect(task).toMatchObject(rules.shownTask(task['id'] as string));
      }
      for (const { id } of rules.tasksOf({ project_id: null }))
        expect((await api.get(`/tasks/${id}`)).body).toMatchObject(rules.shownTask(id));
    }
  });

  it('tells in its log what happened, lawfully, and nothing that nobody asked for', async () => {
    events = await eventually(async () => {
      const all = await api.all('/events');
      const newest = histories(all);
      for (const task of await api.all('/tasks')) expect(newest.get(task['id'] as string)?.at(-1)?.['version']).toBe(task['version']);
      return all;
    });
    told = histories(events);
    expectLawful(events, told);
    expectTold(common.told, told);
    expect(events.map(({ position }) => position as number)).toEqual(events.map((_, index) => index + 1));
    for (const { rules } of clients) {
      for (const { id } of rules.milestones.values()) {
        const reached = events.filter((event) => event['type'] === 'milestone.reached' && event['subject'] === id);
        expect([id, reached.length]).toEqual([id, rules.reachings.get(id) ?? 0]);
      }
    }
  });

  it('replays from the events of each project to what reading it answers', async () => {
    for (const id of projects()) {
      await eventually(async () => {
        const own = await api.all(`/events?project_id=${id}`);
        const replayed = new Map([...histories(own)].map(([subject, versions]) => [subject, versions.at(-1)!]));
        const state = (await api.get(`/projects/${id}?expand=milestones,milestones.tasks`)).body;
        expect(ownFields(replayed.get(id)!)).toEqual(ownFields(state));
        expect((state['milestones'] as Resource[]).map(({ position }) => position as number)).toEqual(
          (state['milestones'] as Resource[]).map((_, index) => index + 1),
        );
        for (const milestone of state['milestones'] as Resource[])
          expect(ownFields(replayed.get(milestone['id'] as string)!)).toEqual(ownFields(milestone));
        const tasks = await api.all(`/tasks?project_id=${id}`);
        for (const task of tasks) expect(ownFields(replayed.get(task['id'] as string)!)).toEqual(ownFields(task));
        const counted = tasks.filter(({ status }) => status !== 'cancelled');
        expect(state['progress']).toMatchObject({
          tasks: counted.length,
          tasks_completed: counted.filter(({ status }) => status === 'completed').length,
          milestones: state['milestones'].length,
          milestones_reached: (state['milestones'] as Resource[]).filter(({ status }) => status === 'reached').length,
        });
        // A closing that cancels nothing does not know of a task that somebody else has added in that very moment.
        const closing = own.filter(({ type }) => type === 'project.closed').at(-1)?.['data'] as Resource | undefined;
        const nothingStaysOpen = !common.rules.projects.has(id) || closing?.['open_tasks'] === 'cancel';
        if (state['status'] === 'closed' && nothingStaysOpen) expect(tasks.filter(({ status }) => status === 'open')).toEqual([]);
        const timeline = await api.all(`/projects/${id}/timeline`);
        expect(timeline.map((entry) => entry['id'] as string)).toEqual(own.map((event) => event['id'] as string));
      });
    }
  });

  it('shows everybody exactly their open tasks', async () => {
    const newest = [...told.values()].map((versions) => versions.at(-1)!).filter(({ object }) => object === 'task');
    for (const user of users) {
      const { body } = await api.get(`/users/${user}/queue`);
      const mine = newest.filter(({ status, assignee_id }) => status === 'open' && assignee_id === user);
      const count = (dated: boolean) => mine.filter(({ due_on }) => (due_on !== null) === dated).length;
      expect(body['counts']).toEqual({ overdue: 0, today: 0, upcoming: expect.any(Number), no_date: count(false) });
      expect(body['counts'].upcoming).toBe(count(true));
      const shown = ['upcoming', 'no_date'].flatMap((group) => (body[group] as Resource[]).map(({ id }) => id as string));
      if (mine.length <= 100) expect(shown.sort()).toEqual(mine.map(({ id }) => id as string).sort());
    }
  });

  it('made no event for a refused request', () => {
    const keys = events.flatMap(({ request }) =>
      (request?.idempotency_key as string | null) === null ? [] : [request.idempotency_key as string],
    );
    const answered = new Set(keys.filter((key) => common.succeeded.has(key)));
    expect(answered.size).toBeGreaterThan(0);
    const opening = new Set(
      events.filter((event) => resourceOf(event)['name'] === 'Shared').map(({ request }) => request.idempotency_key as string),
    );
    expect([...new Set(keys)].filter((key) => !common.succeeded.has(key) && !opening.has(key))).toEqual([]);
  });
});
