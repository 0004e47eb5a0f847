import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product } from '../support/product';
import type { Reply } from '../support/reply';

/** A delivery that does not go as planned, through the one public door: nobody ever waits, and everybody sees what they have just done. */
describe('a project that changes', () => {
  let product: Product;
  let api: Api;
  let created: Reply;
  let id: string;

  beforeAll(async () => {
    product = await Product.start();
    api = new Api(product.url, product.organizations[0]!.live_key);
    created = await api.post('/projects', {
      name: 'Site fit-out',
      owner_id: newId('usr'),
      template: 'fitout_v2',
      metadata: { po: '4711' },
    });
    id = created.body['id'] as string;
  });
  afterAll(() => product.stop());

  // The tasks are another service's, made from an event that is on its way.
  it('is read at once with all its milestones and tasks, in the bytes that opening it had answered', async () => {
    expect((await api.get(`/projects/${id}?expand=milestones,milestones.tasks`)).text).toBe(created.text);
  });

  it('shows a task as it has just become', async () => {
    const [survey] = (created.body['milestones'] as { tasks: { id: string }[] }[])[0]!.tasks;
    await api.post(`/tasks/${survey!.id}/complete`);
    const { body } = await api.get(`/projects/${id}?expand=milestones.tasks`);
    const milestone = (body['milestones'] as { progress: object; tasks: object[] }[])[0]!;
    expect(milestone.tasks[0]).toEqual((await api.get(`/tasks/${survey!.id}`)).body);
    expect(milestone.progress).toMatchObject({ tasks_completed: 1 });
  });

  it('takes a milestone in between, and at once a task into it', async () => {
    const added = await api.post(`/projects/${id}/milestones`, { name: 'Asbestos survey', position: 2 });
    expect(added.status).toBe(201);
    const task = await api.post('/tasks', { title: 'Call the laboratory', project_id: id, milestone_id: added.body['id'] });
    expect(task.status).toBe(201);
    const { body } = await api.get(`/projects/${id}/milestones`);
    expect((body['data'] as { name: string; position: number }[]).map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
    expect((body['data'] as object[])[1]).toMatchObject({ name: 'Asbestos survey', progress: { tasks: 1 } });
  });

  it('is closed and reopened, and at once takes tasks again', async () => {
    await api.post(`/projects/${id}/close`, { outcome: 'cancelled' });
    expect((await api.patch(`/projects/${id}`, { name: 'Too late' })).body['code']).toBe('project_closed');
    expect((await api.post(`/projects/${id}/reopen`)).body).toMatchObject({ status: 'active', outcome: null });
    expect((await api.post('/tasks', { title: 'Start over', project_id: id })).status).toBe(201);
    await eventually(async () => {
      const { body } = await api.get(`/tasks?project_id=${id}&status=open`);
      expect((body['data'] as { title: string }[]).map(({ title }) => title)).toEqual(['Start over']);
    });
  });

  it('is found by what it is about, and shown as it was', async () => {
    await api.patch(`/projects/${id}`, { name: 'Second attempt', metadata: { po: null, site: 'Baner [2]' } });
    const found = await api.get(`/projects?metadata[site]=${encodeURIComponent('Baner [2]')}&status=active`);
    expect((found.body['data'] as { id: string }[]).map((project) => project.id)).toEqual([id]);
    expect((await api.get('/projects?metadata[po]=4711')).body['data']).toEqual([]);
    const then = await api.get(`/projects/${id}?as_of=${created.body['created_at'] as string}`);
    expect(then.body).toMatchObject({
      name: 'Site fit-out',
      metadata: { po: '4711' },
      progress: { tasks: 24, tasks_completed: 0 },
      version: 1,
    });
  });
});
