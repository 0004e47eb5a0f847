import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product, type Log } from '../support/product';

type Resource = Record<string, any>;

const TASKS = 1_000;
const PHASES = 10;
const due = { offset: 3, unit: 'business_days', from: 'milestone' };

/** A template whose tasks are all assigned to the owner as they are made. */
const tower = {
  ...{ key: 'tower', name: 'Tower', roles: [{ key: 'lead', name: 'lead', default: 'owner' }] },
  milestones: Array.from({ length: PHASES }, (_phase, phase) => ({
    ...{ key: `phase_${phase}`, name: `Phase ${phase}`, due },
    tasks: Array.from({ length: TASKS / PHASES }, (_task, place) => ({
      ...{ key: `task_${phase}_${place}`, title: `Room ${place} of floor ${phase}`, role: 'lead', due },
    })),
  })),
};

describe.each<Log>(['embedded', 'kafka'])("an organization's log on the %s log", (log) => {
  let product: Product;
  let api: Api;

  beforeAll(async () => {
    product = await Product.start(log);
    api = new Api(product.url, product.organizations[0]!.live_key);
  });
  afterAll(() => product.stop());

  // The promise in its own words, for everything that a large scaffold makes, wherever the topics stood.
  it('has no event before its previous one, nor before the one that caused it', async () => {
    expect(await api.post('/templates', tower)).toMatchObject({ status: 201 });
    const { body: project } = await api.post('/projects', { name: 'Tower', owner_id: newId('usr'), template: 'tower' });
    const [first] = project['milestones'] as { id: string; tasks: { id: string }[] }[];
    const eventsOf = () => api.all(`/events?project_id=${project['id'] as string}`);
    const ofType = (events: readonly Resource[], type: string) => events.filter((event) => event['type'] === type);
    await eventually(async () => expect(ofType(await eventsOf(), 'task.created')).toHaveLength(TASKS));
    await Promise.all(first!.tasks.map(({ id }) => api.insist('POST', `/tasks/${id}/complete`)));
    await eventually(async () => expect(ofType(await eventsOf(), 'milestone.reached')).toHaveLength(1));

    const events = await eventsOf();
    const places = new Map(events.map((event, place) => [event['id'] as string, place]));
    expect(places.size).toBe(events.length);
    for (const [place, event] of events.entries()) {
      for (const awaited of [event['previous_event'], event['caused_by']] as (string | null)[])
        if (awaited !== null) expect(places.get(awaited)).toBeLessThan(place);
    }

    // Each kind of dependence was there to be kept.
    const [created] = ofType(events, 'project.created');
    const made = new Map(ofType(events, 'task.created').map((event) => [event['subject'] as string, event]));
    expect(new Set([...made.values()].map((event) => event['caused_by'] as string))).toEqual(new Set([created!['id']]));
    const assigned = ofType(events, 'task.assigned');
    expect(assigned.length).toBeGreaterThan(0);
    for (const event of assigned) expect(event['previous_event']).toBe(made.get(event['subject'] as string)!['id']);
    const completed = ofType(events, 'task.completed');
    expect(completed.every((event) => event['previous_event'] !== null)).toBe(true);
    const [reached] = ofType(events, 'milestone.reached');
    expect(completed.map((event) => event['id'] as string)).toContain(reached!['caused_by']);
  });
});
