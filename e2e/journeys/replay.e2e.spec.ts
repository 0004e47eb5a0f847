import { newId } from '@works/platform/ids';
import { Api } from '../support/api';
import { Product } from '../support/product';

type Resource = Record<string, any>;

/** What a follower of the log holds: of each resource the newest version that an event told. */
function fold(events: Resource[]): Map<string, Resource> {
  const newest = new Map<string, Resource>();
  for (const { type, subject, data } of events) {
    const resource = data[(type as string).split('.')[0]!] as Resource;
    if ((newest.get(subject)?.['version'] ?? 0) < resource['version']) newest.set(subject, resource);
  }
  return newest;
}

/** Counts in a project and what is still missing in a milestone follow from the tasks; a task's event does not repeat them. */
const ownFields = ({ progress: _, blocked_by: __, milestones: ___, tasks: ____, ...own }: Resource): Resource => own;

describe('the events of one project', () => {
  let product: Product;
  let api: Api;

  beforeAll(async () => {
    product = await Product.start();
    api = new Api(product.url, product.organizations[0]!.live_key);
  });
  afterAll(() => product.stop());

  it('replay to the state that reading it answers', async () => {
    const { body: created } = await api.post('/projects', { name: 'Site fit-out', owner_id: newId('usr'), template: 'fitout_v2' });
    const id = created['id'] as string;
    const [first] = created['milestones'] as { tasks: { id: string }[] }[];
    for (const task of first!.tasks) await api.post(`/tasks/${task.id}/complete`);
    const { body: added } = await api.post(`/projects/${id}/milestones`, { name: 'Asbestos survey', position: 2 });
    const { body: call } = await api.post('/tasks', { title: 'Call the laboratory', project_id: id, milestone_id: added['id'] });
    await api.post(`/tasks/${call['id'] as string}/assign`, { assignee_id: newId('usr') });
    await api.patch(`/tasks/${call['id'] as string}`, { title: 'Call the other laboratory', priority: 'high' });
    await api.post(`/tasks/${call['id'] as string}/comments`, { body: 'They are on holiday.' });
    await api.patch(`/projects/${id}`, { name: 'Second attempt' });

    const state = (await api.get(`/projects/${id}?expand=milestones,milestones.tasks`)).body;
    const tasks = await api.all(`/tasks?project_id=${id}`);
    const events = await api.all(`/events?project_id=${id}`);
    const folded = fold(events);
    expect(ownFields(folded.get(id)!)).toEqual(ownFields(state));
    expect(tasks).toHaveLength(25);
    // That a task it waited for is done is told by that task's event, not by one of its own.
    const isOpen = (task: string) => folded.get(task)!['status'] === 'open';
    for (const task of tasks) {
      const told = folded.get(task['id'] as string)!;
      const blocked = told['status'] === 'open' && (told['depends_on'] as string[]).some(isOpen);
      expect({ ...told, blocked }).toEqual(task);
    }
    const counted = tasks.filter(({ id: task }) => folded.get(task as string)!['status'] !== 'cancelled');
    expect(state['progress']).toMatchObject({
      tasks: counted.length,
      tasks_completed: counted.filter(({ id: task }) => folded.get(task as string)!['status'] === 'completed').length,
    });
    for (const milestone of state['milestones'] as Resource[]) {
      const told = folded.get(milestone['id'] as string);
      if (told !== undefined) expect(ownFields(told)).toEqual(ownFields(milestone));
    }
    const timeline = await api.all(`/projects/${id}/timeline`);
    expect(timeline.map((entry) => entry['id'])).toEqual(events.map((event) => event['id']));
  });
});
