import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product, type Organization } from '../support/product';

describe('templates through the public door', () => {
  let product: Product;
  let api: Api;

  beforeAll(async () => {
    product = await Product.start();
    api = new Api(product.url, product.organizations[0]!.live_key);
  });
  afterAll(() => product.stop());

  const due = { offset: 3, unit: 'business_days', from: 'milestone' };
  const large = {
    ...{ key: 'large', name: 'Large', roles: [{ key: 'lead', name: 'lead', default: 'owner' }] },
    milestones: Array.from({ length: 100 }, (_phase, phase) => ({
      ...{ key: `phase_${phase}`, name: `Phase ${phase}`, due },
      tasks: Array.from({ length: 10 }, (_task, place) => ({
        ...{ key: `task_${phase}_${place}`, title: `Fix and test the ceiling of room ${place} on floor ${phase}`, role: 'lead', due },
        checklist: ['conduits', 'ducts', 'sprinklers'].map((key) => ({ key, title: `Somebody has signed for the ${key}` })),
        depends_on: place > 0 ? [`task_${phase}_${place - 1}`] : [],
      })),
    })),
  };

  // The one event that carries the plan fits the log, and the tasks service makes of it exactly what the answer has shown.
  it('1,000 tasks with checklists are scaffolded by one call', async () => {
    expect((await api.post('/templates', large)).status).toBe(201);
    const project = await api.post('/projects', { name: 'Tower', owner_id: newId('usr'), template: 'large' });
    expect(project.status).toBe(201);
    const promised = (project.body['milestones'] as { tasks: Record<string, unknown>[] }[]).flatMap(({ tasks }) => tasks);
    const byId = (a: Record<string, unknown>, b: Record<string, unknown>) => (String(a['id']) < String(b['id']) ? -1 : 1);
    await eventually(async () => {
      const tasks = await api.all(`/tasks?project_id=${project.body['id'] as string}`);
      expect(tasks.sort(byId)).toEqual(promised.sort(byId));
    });
  });

  it('a stranger sees none of them, and starts with fitout_v2', async () => {
    const globex = JSON.parse(await product.works('organizations', 'create', 'Globex', '--json')) as Organization;
    const stranger = new Api(product.url, globex.live_key);
    expect((await stranger.all('/templates')).map(({ key }) => key)).toEqual(['fitout_v2']);
    expect((await stranger.get('/templates/large')).status).toBe(404);
    expect((await stranger.post('/templates/large/versions', { name: 'Mine', milestones: [] })).status).toBe(404);
  });
});
