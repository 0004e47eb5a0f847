import type { PlannedProject } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import type { TemplateDraft } from '../domain/template';
import { theLargest } from '../domain/template.examples';
import { faultsIn } from '../domain/template-faults';
import { startProjects, type ProjectsService } from '../projects-service.examples';

/** What the event log takes for one event, on Kafka and embedded alike. */
const EVENT_BYTES_MAX = 1_000_000;

describe('POST /projects with a template of 100 milestones and 1,000 tasks with checklists', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const open = async (template: TemplateDraft, body: object = {}) => {
    expect((await service.as(caller).post('/templates', template)).statusCode).toBe(201);
    const variables = { floor_area: 1_200 };
    const answer = await service
      .as(caller)
      .post('/projects', { name: 'Tower', owner_id: newId('usr'), template: template.key, variables, ...body });
    expect(answer.statusCode).toBe(201);
    const project = answer.json<PlannedProject>();
    const [event, ...others] = await service.eventsOf(caller, project.id);
    expect(others).toEqual([]);
    return { project, tasks: project.milestones.flatMap((milestone) => milestone.tasks), told: JSON.stringify(event!.public) };
  };

  it('plans it all in one call, and one event tells of all of it', async () => {
    const { project, tasks, told } = await open(theLargest());
    expect([project.milestones.length, tasks.length, new Set(tasks.map(({ id }) => id)).size]).toEqual([100, 1_000, 1_000]);
    expect(tasks[999]).toMatchObject({ description: expect.stringContaining('has 1200 sq ft'), depends_on: [tasks[998]!.id] });
    expect(Buffer.byteLength(told)).toBeLessThan(EVENT_BYTES_MAX);
    for (const { id, key, title } of tasks) expect(told).toContain(JSON.stringify({ id, key, title }).slice(0, -1));
    expect(await service.query(caller, 'select 1 from project_tasks where project_id = $1', [project.id])).toHaveLength(1_000);
  });

  // What can be published can be used: the bound at publishing leaves room for ids, and for a project with all the notes it may have.
  it('fits into its event whatever could be published', async () => {
    const padded = (characters: number): TemplateDraft => {
      const { milestones, ...draft } = theLargest();
      const pad = (text: string | null) => text + 'x'.repeat(characters);
      const tasksOf = (tasks: TemplateDraft['milestones'][number]['tasks']) =>
        tasks.map((task) => ({ ...task, description: pad(task.description) }));
      return { ...draft, key: 'padded', milestones: milestones.map((milestone) => ({ ...milestone, tasks: tasksOf(milestone.tasks) })) };
    };
    let characters = 0;
    for (const step of [100, 10, 1]) while (faultsIn(padded(characters + step)).length === 0) characters += step;
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`${index}`.padStart(40, 'k'), 'v'.repeat(500)]));
    const { tasks, told } = await open(padded(characters), { metadata });
    expect(tasks).toHaveLength(1_000);
    expect(Buffer.byteLength(told)).toBeLessThan(EVENT_BYTES_MAX);
  });
});
