import type { PlannedProject } from '@works/contracts/projects';
import type { DomainEvent } from '@works/platform/decider';
import type { Aggregate } from '@works/platform/event-store';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { milestones, projects } from './aggregates';
import { completed, startProjects, tasksOf, type ProjectsService } from './projects-service.examples';

describe('the documents', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  async function folded<State>(aggregate: Aggregate<State, DomainEvent>, id: string) {
    const events = await service.query<DomainEvent>(caller, 'select type, data from events where stream_id = $1 order by version', [id]);
    return { version: events.length, state: events.reduce<State | null>((state, event) => aggregate.evolve(state, event), null) };
  }
  const stored = async (table: string, id: string) =>
    (await service.query<{ version: number; state: unknown }>(caller, `select version, state from ${table} where id = $1`, [id]))[0];

  it('are what folding their events gives', async () => {
    const body = { name: 'Fit-out', owner_id: newId('usr'), template: 'fitout_v2', metadata: { po: '4711' } };
    const planned = (await service.as(caller).post('/projects', body)).json<PlannedProject>();
    await service.hear(...tasksOf(planned).map((task) => completed(caller, task)));
    const [first, second] = planned.milestones.map(({ id }) => id);
    await service.as(caller).post(`/milestones/${first}/reopen`);
    await service.as(caller).patch(`/milestones/${second}`, { position: 4, name: 'Later' });
    await service.as(caller).patch(`/projects/${planned.id}`, { metadata: { po: null, floor: '2' }, due_on: null });
    for (const verb of ['close', 'reopen', 'close'])
      await service.as(caller).post(`/projects/${planned.id}/${verb}`, verb === 'close' ? { outcome: 'cancelled' } : undefined);

    expect(await stored('projects', planned.id)).toEqual(await folded(projects as Aggregate<unknown, DomainEvent>, planned.id));
    for (const { id } of planned.milestones) {
      expect(await stored('milestones', id)).toEqual(await folded(milestones as Aggregate<unknown, DomainEvent>, id));
    }
  });

  // Guarantees that tenancy does not hang on our queries: without a tenant the database itself shows nothing.
  it('are not to be seen without a tenant', async () => {
    const { id } = (
      await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), template: 'fitout_v2' })
    ).json<PlannedProject>();
    const nobody = { ...caller, organizationId: '' };
    for (const [table, column] of [
      ['projects', 'id'],
      ['milestones', 'project_id'],
      ['project_tasks', 'project_id'],
    ]) {
      expect(await service.query(nobody, `select 1 from ${table} where ${column} = $1`, [id])).toEqual([]);
      expect(await service.query(caller, `select 1 from ${table} where ${column} = $1`, [id])).not.toEqual([]);
    }
  });
});
