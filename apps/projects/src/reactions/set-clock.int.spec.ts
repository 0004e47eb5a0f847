import type { Project } from '@works/contracts/projects';
import { addDays, today } from '@works/platform/calendar';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';
import { DAY_MS, moved } from './moved-clock.examples';
import { SetClockWhenTestClockAdvanced } from './set-clock-when-test-clock-advanced';

describe('an organization whose test clock was moved', () => {
  let service: ProjectsService;
  let caller: Caller;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller({ livemode: false });
  });
  afterAll(() => service.stop());

  const hear = (days: number, version: number) => service.app.get(SetClockWhenTestClockAdvanced).set(moved(caller, days, version));
  const open = async (as = caller) =>
    (await service.as(as).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), template: 'fitout_v2' })).json<Project>();
  const todayIn = (days: number) => addDays(today(new Date(), caller.timeZone), days);

  it('plans from the day that its clock shows', async () => {
    await hear(40, 1);
    const project = await open();
    expect(project.starts_on).toBe(todayIn(40));
    expect(project.created_at.slice(0, 10)).toBe(new Date(Date.now() + 40 * DAY_MS).toISOString().slice(0, 10));
  });

  it('sees what is overdue by its clock in the progress of a project', async () => {
    const { id } = await open();
    const overdue = async () => (await service.as(caller).get(`/projects/${id}`)).json<Project>().progress.tasks_overdue;
    expect(await overdue()).toBe(0);
    await hear(400, 1);
    expect(await overdue()).toBe(24);
  });

  it('hears the newest word, however often and in whatever order', async () => {
    for (const [days, version] of [
      [2, 2],
      [1, 1],
      [2, 2],
      [5, 3],
      [2, 2],
    ] as const)
      await hear(days, version);
    expect((await open()).starts_on).toBe(todayIn(5));
  });

  it('moves neither live mode nor anybody else', async () => {
    await hear(40, 1);
    for (const as of [{ ...caller, livemode: true }, aCaller({ livemode: false })]) expect((await open(as)).starts_on).toBe(todayIn(0));
  });
});
