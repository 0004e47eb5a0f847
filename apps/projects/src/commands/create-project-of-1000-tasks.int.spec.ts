import type { PlannedProject } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { theLargest } from '../domain/template.examples';
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

  it('plans it all in one call, and one event tells of all of it', async () => {
    expect((await service.as(caller).post('/templates', theLargest())).statusCode).toBe(201);
    const owner_id = newId('usr');
    const answer = await service
      .as(caller)
      .post('/projects', { name: 'Tower', owner_id, template: 'largest', variables: { floor_area: 1_200 } });
    expect(answer.statusCode).toBe(201);
    const project = answer.json<PlannedProject>();
    const tasks = project.milestones.flatMap((milestone) => milestone.tasks);
    expect([project.milestones.length, tasks.length, new Set(tasks.map(({ id }) => id)).size]).toEqual([100, 1_000, 1_000]);
    expect(tasks[999]).toMatchObject({ description: expect.stringContaining('has 1200 sq ft'), depends_on: [tasks[998]!.id] });

    const [event, ...others] = await service.eventsOf(caller, project.id);
    expect(others).toEqual([]);
    const text = JSON.stringify(event!.public);
    expect(Buffer.byteLength(text)).toBeLessThan(EVENT_BYTES_MAX);
    for (const { id, title } of tasks)
      expect(text).toContain(`"id":"${id}","key":"${tasks.find((task) => task.id === id)!.key}","title":"${title}"`);
    expect((await service.query(caller, 'select 1 from project_tasks')).length).toBe(1_000);
  });
});
