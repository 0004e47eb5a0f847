import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product } from '../support/product';
import type { Reply } from '../support/reply';

type Resource = Record<string, any>;

const ROUNDS = Number(process.env['WORKS_RACE_ROUNDS'] ?? 200);
/** So many rounds are run side by side. */
const SIDE_BY_SIDE = 8;
const owner_id = newId('usr');

/** Two requests at the same moment, through the whole product: whichever comes first, the rules hold. */
describe('at the same moment', () => {
  let product: Product;
  let api: Api;

  beforeAll(async () => {
    product = await Product.start();
    api = new Api(product.url, product.organizations[0]!.live_key);
  }, 90_000);
  afterAll(() => product.stop(), 30_000);

  async function rounds(round: (number: number) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async () => {
      while (next < ROUNDS) await round(next++);
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  }

  const codes = (...replies: Reply[]) => replies.map(({ status, body }) => (body['code'] as string | undefined) ?? status).join(' ');
  const aProject = async (body: object = {}) => (await api.post('/projects', { name: 'Fit-out', owner_id, ...body })).body['id'] as string;
  const aTask = async (body: object) => (await api.post('/tasks', { title: 'Wire', ...body })).body['id'] as string;
  const complete = (id: string) => api.post(`/tasks/${id}/complete`);

  async function aMilestone(tasks: number) {
    const project_id = await aProject();
    const milestone_id = (await api.post(`/projects/${project_id}/milestones`, { name: 'Handover' })).body['id'] as string;
    const ids = await Promise.all(Array.from({ length: tasks }, () => aTask({ project_id, milestone_id })));
    return { project_id, milestone_id, ids };
  }
  const milestone = async (id: string) => (await api.get(`/milestones/${id}`)).body;
  const turns = async (project: string, id: string) =>
    (await api.all(`/events?project_id=${project}`))
      .filter((event) => event['subject'] === id && /reached|reopened/.test(event['type'] as string))
      .sort((a, b) => a['data'].milestone.version - b['data'].milestone.version)
      .map(({ type }) => type as string);

  it('the last two tasks of a milestone are completed: it is reached once', async () => {
    await rounds(async () => {
      const { project_id, milestone_id, ids } = await aMilestone(2);
      expect(codes(...(await Promise.all(ids.map(complete))))).toBe('200 200');
      expect(await milestone(milestone_id)).toMatchObject({ status: 'reached', progress: { tasks: 2, tasks_completed: 2 } });
      await eventually(async () => expect(await turns(project_id, milestone_id)).toEqual(['milestone.reached']), { withinMs: 10_000 });
    });
  }, 120_000);

  it('a task is added and the last one is completed: it is reached once, at the latest with the one that was added', async () => {
    await rounds(async () => {
      const { project_id, milestone_id, ids } = await aMilestone(1);
      const [added, done] = await Promise.all([api.post('/tasks', { title: 'Late', project_id, milestone_id }), complete(ids[0]!)]);
      expect(codes(added, done)).toBe('201 200');
      expect((await milestone(milestone_id))['progress']).toEqual({ tasks: 2, tasks_completed: 1 });
      await complete(added.body['id'] as string);
      expect(await milestone(milestone_id)).toMatchObject({ status: 'reached', version: 2, progress: { tasks: 2, tasks_completed: 2 } });
    });
  }, 120_000);

  it('a project is closed, a task in it completed and another created: none stays open', async () => {
    await rounds(async (number) => {
      const { project_id, milestone_id, ids } = await aMilestone(1);
      const open_tasks = number % 2 === 0 ? 'cancel' : 'refuse';
      const [closed, done, added] = await Promise.all([
        api.post(`/projects/${project_id}/close`, { outcome: 'cancelled', open_tasks }),
        complete(ids[0]!),
        api.post('/tasks', { title: 'Late', project_id, milestone_id }),
      ]);
      expect(codes(closed, done, added)).toMatch(/^(200|project_has_open_work) (200|task_cancelled) (201|project_closed)$/);
      await eventually(
        async () => {
          const tasks = await api.all(`/tasks?project_id=${project_id}`);
          expect(tasks).toHaveLength(added.status === 201 ? 2 : 1);
          const project = (await api.get(`/projects/${project_id}`)).body;
          expect(project['status']).toBe(closed.status === 200 ? 'closed' : 'active');
          if (open_tasks === 'cancel') expect(tasks.filter(({ status }) => status === 'open')).toEqual([]);
          const counted = tasks.filter(({ status }) => status !== 'cancelled');
          expect(project['progress']).toMatchObject({ tasks: counted.length });
        },
        { withinMs: 10_000 },
      );
    });
  }, 120_000);

  it('a milestone is reopened and reached: it does both by turns', async () => {
    await rounds(async () => {
      const { project_id, milestone_id } = await aMilestone(0);
      const verbs = ['reach', 'reopen', 'reach', 'reopen'];
      const replies = await Promise.all(verbs.map((verb) => api.post(`/milestones/${milestone_id}/${verb}`)));
      expect(codes(...replies)).toBe('200 200 200 200');
      const { status, version } = await milestone(milestone_id);
      await eventually(
        async () => {
          const told = await turns(project_id, milestone_id);
          expect(told).toEqual(
            Array.from({ length: version - 1 }, (_, turn) => (turn % 2 === 0 ? 'milestone.reached' : 'milestone.reopened')),
          );
          expect(told.at(-1) === 'milestone.reached' ? 'reached' : 'pending').toBe(status);
        },
        { withinMs: 10_000 },
      );
    });
  }, 120_000);

  it('two projects ask for one reference: one gets it, and the other is told which', async () => {
    await rounds(async (number) => {
      const body = { name: 'Fit-out', owner_id, reference: `deal-${number}` };
      const replies = await Promise.all([api.post('/projects', body), api.post('/projects', body)]);
      const [won, lost] = replies.sort((a, b) => a.status - b.status);
      expect(codes(won, lost)).toBe('201 reference_taken');
      expect(lost.body['project_id']).toBe(won.body['id']);
      const found = (await api.get(`/projects?reference=${body.reference}`)).body['data'] as Resource[];
      expect(found.map(({ id }) => id as string)).toEqual([won.body['id']]);
    });
  }, 120_000);

  it('two dependencies would close a circle: one of them is refused', async () => {
    await rounds(async () => {
      const [a, b] = await Promise.all([aTask({}), aTask({})]);
      const replies = await Promise.all([api.patch(`/tasks/${a}`, { depends_on: [b] }), api.patch(`/tasks/${b}`, { depends_on: [a] })]);
      expect(['200 dependency_cycle', 'dependency_cycle 200']).toContain(codes(...replies));
    });
  }, 120_000);
});
