import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product } from '../support/product';
import type { Reply } from '../support/reply';

type Resource = Record<string, any>;

const ROUNDS = Number(process.env['WORKS_RACE_ROUNDS'] ?? 200);
/** So many rounds are run side by side. */
const SIDE_BY_SIDE = 16;
/** A project that is prepared has so many milestones, one for each round. */
const MILESTONES = 20;
/** What the public API takes in one batch. */
const BATCH_MAX = 100;
const owner_id = newId('usr');
const due = { offset: 5, unit: 'days', from: 'start' };

/** Where a round takes place: nobody else is in that milestone. */
interface Place {
  readonly project_id: string;
  readonly milestone_id: string;
  readonly tasks: readonly string[];
}

/** Two requests at the same moment, through the whole product: whichever comes first, the rules hold. */
describe('at the same moment', () => {
  let product: Product;
  let api: Api;

  beforeAll(async () => {
    product = await Product.start();
    api = new Api(product.url, product.organizations[0]!.live_key);
  });
  afterAll(() => product.stop());

  async function rounds<Prepared>(
    prepared: readonly Prepared[],
    round: (prepared: Prepared, number: number) => Promise<void>,
  ): Promise<void> {
    let next = 0;
    const worker = async () => {
      for (let number = next++; number < prepared.length; number = next++) await round(prepared[number]!, number);
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  }

  const codes = (...replies: Reply[]) => replies.map(({ status, body }) => (body['code'] as string | undefined) ?? status).join(' ');
  const complete = (id: string) => api.post(`/tasks/${id}/complete`);
  const milestone = async (id: string) => (await api.get(`/milestones/${id}`)).body;

  /** A place for each round, in projects of `milestones` with `tasks` each. Neighbouring rounds are in different projects. */
  async function places(tasks: number, milestones = MILESTONES): Promise<Place[]> {
    const template = {
      key: `plan_${milestones}_${tasks}`,
      name: 'Plan',
      milestones: Array.from({ length: milestones }, (_, place) => ({
        ...{ key: `m${place}`, name: 'Handover', due },
        tasks: Array.from({ length: tasks }, (__, index) => ({ key: `t${place}_${index}`, title: 'Wire', due })),
      })),
    };
    expect((await api.post('/templates', template)).status).toBe(201);
    const opened: Resource[] = [];
    await rounds(Array.from({ length: Math.ceil(ROUNDS / milestones) }), async () => {
      opened.push((await api.post('/projects', { name: 'Fit-out', owner_id, template: template.key })).body);
    });
    return Array.from({ length: ROUNDS }, (_, number) => {
      const project = opened[number % opened.length]!;
      const planned = (project['milestones'] as Resource[])[Math.floor(number / opened.length)]!;
      return {
        project_id: project['id'],
        milestone_id: planned['id'],
        tasks: (planned['tasks'] as Resource[]).map(({ id }) => id as string),
      };
    });
  }

  /** Each milestone of the rounds is shown so, and the log tells of one `reached` or `reopened` for each of its versions, by turns. */
  async function expectTurns(of: readonly Place[], shown: object): Promise<void> {
    const mine = new Set(of.map(({ milestone_id }) => milestone_id));
    await rounds([...new Set(of.map(({ project_id }) => project_id))], async (project) => {
      await eventually(async () => {
        const events = await api.all(`/events?project_id=${project}`);
        const { data } = (await api.get(`/projects/${project}/milestones`)).body as { data: Resource[] };
        for (const { id, status, version, ...rest } of data.filter((row) => mine.has(row['id'] as string))) {
          expect({ status, version, ...rest }).toMatchObject(shown);
          const told = events
            .filter((event) => event['subject'] === id && /reached|reopened/.test(event['type'] as string))
            .sort((a, b) => a['data'].milestone.version - b['data'].milestone.version)
            .map(({ type }) => type as string);
          const byTurns = Array.from({ length: version - 1 }, (_, turn) => `milestone.${turn % 2 === 0 ? 'reached' : 'reopened'}`);
          expect(told).toEqual(byTurns);
          expect(told.at(-1) === 'milestone.reached' ? 'reached' : 'pending').toBe(status);
        }
      });
    });
  }

  it('the last two tasks of a milestone are completed: it is reached once', async () => {
    const prepared = await places(2);
    await rounds(prepared, async ({ milestone_id, tasks }) => {
      expect(codes(...(await Promise.all(tasks.map(complete))))).toBe('200 200');
      expect(await milestone(milestone_id)).toMatchObject({ status: 'reached', progress: { tasks: 2, tasks_completed: 2 } });
    });
    await expectTurns(prepared, { status: 'reached', version: 2 });
  });

  it('a task is added and the last one is completed: it is reached once, at the latest with the one that was added', async () => {
    const prepared = await places(1);
    await rounds(prepared, async ({ project_id, milestone_id, tasks }) => {
      const [added, done] = await Promise.all([api.post('/tasks', { title: 'Late', project_id, milestone_id }), complete(tasks[0]!)]);
      expect(codes(added, done)).toBe('201 200');
      expect((await milestone(milestone_id))['progress']).toEqual({ tasks: 2, tasks_completed: 1 });
      expect(codes(await complete(added.body['id'] as string))).toBe('200');
    });
    await expectTurns(prepared, { status: 'reached', version: 2, progress: { tasks: 2, tasks_completed: 2 } });
  });

  it('a project is closed, a task in it completed and another created: none stays open', async () => {
    const ended: { project_id: string; cancels: boolean; closes: boolean; tasks: number }[] = [];
    await rounds(await places(1, 1), async ({ project_id, milestone_id, tasks }, number) => {
      const open_tasks = number % 2 === 0 ? 'cancel' : 'refuse';
      const [closed, done, added] = await Promise.all([
        api.post(`/projects/${project_id}/close`, { outcome: 'cancelled', open_tasks }),
        complete(tasks[0]!),
        api.post('/tasks', { title: 'Late', project_id, milestone_id }),
      ]);
      expect(codes(closed, done, added)).toMatch(/^(200|project_has_open_work) (200|task_cancelled) (201|project_closed)$/);
      ended.push({ project_id, cancels: open_tasks === 'cancel', closes: closed.status === 200, tasks: added.status === 201 ? 2 : 1 });
    });
    await rounds(ended, async ({ project_id, cancels, closes, tasks }) => {
      await eventually(async () => {
        const rows = await api.all(`/tasks?project_id=${project_id}`);
        expect(rows).toHaveLength(tasks);
        const project = (await api.get(`/projects/${project_id}`)).body;
        expect(project['status']).toBe(closes ? 'closed' : 'active');
        if (cancels) expect(rows.filter(({ status }) => status === 'open')).toEqual([]);
        expect(project['progress']).toMatchObject({ tasks: rows.filter(({ status }) => status !== 'cancelled').length });
      });
    });
  });

  it('a milestone is reopened and reached: it does both by turns', async () => {
    const prepared = await places(0);
    await rounds(prepared, async ({ milestone_id }) => {
      const verbs = ['reach', 'reopen', 'reach', 'reopen'];
      const replies = await Promise.all(verbs.map((verb) => api.post(`/milestones/${milestone_id}/${verb}`)));
      expect(codes(...replies)).toBe('200 200 200 200');
    });
    await expectTurns(prepared, {});
  });

  it('two projects ask for one reference: one gets it, and the other is told which', async () => {
    await rounds(Array.from({ length: ROUNDS }), async (_, number) => {
      const body = { name: 'Fit-out', owner_id, reference: `deal-${number}` };
      const replies = await Promise.all([api.post('/projects', body), api.post('/projects', body)]);
      const [won, lost] = replies.sort((a, b) => a.status - b.status);
      expect(codes(won, lost)).toBe('201 reference_taken');
      expect(lost.body['project_id']).toBe(won.body['id']);
      const found = (await api.get(`/projects?reference=${body.reference}`)).body['data'] as Resource[];
      expect(found.map(({ id }) => id as string)).toEqual([won.body['id']]);
    });
  });

  it('two dependencies would close a circle: one of them is refused', async () => {
    const operations = Array.from({ length: 2 * ROUNDS }, () => ({ op: 'create', task: { title: 'Wire' } }));
    const made: string[] = [];
    for (let start = 0; start < operations.length; start += BATCH_MAX) {
      const { body } = await api.post('/tasks/batch', { mode: 'atomic', operations: operations.slice(start, start + BATCH_MAX) });
      made.push(...(body['data'] as Resource[]).map(({ task }) => task.id as string));
    }
    const pairs = Array.from({ length: ROUNDS }, (_, number) => made.slice(2 * number, 2 * number + 2) as [string, string]);
    await rounds(pairs, async ([a, b]) => {
      const replies = await Promise.all([api.patch(`/tasks/${a}`, { depends_on: [b] }), api.patch(`/tasks/${b}`, { depends_on: [a] })]);
      expect(['200 dependency_cycle', 'dependency_cycle 200']).toContain(codes(...replies));
    });
  });
});
