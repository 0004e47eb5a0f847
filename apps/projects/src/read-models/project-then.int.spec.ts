import type { ExpandedProject, PlannedProject, Project } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, eventually, testDatabase } from '@works/platform/testing';
import { A_TASK, news, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

describe('GET /projects/{id}?as_of=', () => {
  let service: ProjectsService;
  let caller: ReturnType<typeof aCaller>;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const aProject = async (body: object = {}) =>
    (await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), ...body })).json<PlannedProject>();
  const asOf = (id: string, at: string, as = caller, rest = '') => service.as(as).get(`/projects/${id}?as_of=${at}${rest}`);
  /** So that what comes next is at another instant than what was. */
  const theNextMillisecond = async () => {
    const now = Date.now();
    await eventually(() => expect(Date.now()).toBeGreaterThan(now));
  };

  it('takes an offset whose plus was not escaped', async () => {
    const { id } = await aProject();
    const later = new Date(Date.now() + 5.5 * 3_600_000 + 60_000).toISOString().slice(0, 19);
    const [plain, escaped] = [await asOf(id, `${later}+05:30`), await asOf(id, `${later}%2B05:30`)];
    expect([plain.statusCode, plain.body]).toEqual([200, escaped.body]);
    expect((await asOf(id, `${later}++05:30`)).statusCode).toBe(422);
  });

  // The strongest thing that can be said of it: at every instant it answers what was answered then, to the byte.
  it('200 with exactly what was answered at that instant', async () => {
    const planned = await aProject({ template: 'fitout_v2' });
    const [first, second] = planned.milestones.map(({ id }) => id);
    const ended = (status: 'completed' | 'cancelled', index: number, task = 0) =>
      service.hear(news(caller, tasksOf(planned, index)[task]!, status, { at: new Date().toISOString() }));
    const steps = [
      () => service.as(caller).patch(`/projects/${planned.id}`, { name: 'Second floor', metadata: { po: '1' } }),
      () => ended('completed', 0),
      () => service.as(caller).post(`/projects/${planned.id}/milestones`, { name: 'Extra', position: 2 }),
      () => ended('cancelled', 1),
      () => Promise.all([1, 2, 3, 4].map((task) => ended('completed', 0, task))),
      () => service.as(caller).post(`/milestones/${first}/reopen`),
      () => service.as(caller).patch(`/milestones/${second}`, { position: 5, requires_sign_off: true }),
      () =>
        service.hear(news(caller, { ...A_TASK, id: newId('tsk'), project_id: planned.id, created_at: new Date().toISOString() }, 'open')),
      () => service.as(caller).post(`/milestones/${first}/reach`, { note: 'Again' }),
      () => service.as(caller).post(`/projects/${planned.id}/close`, { outcome: 'cancelled' }),
      () => service.as(caller).post(`/projects/${planned.id}/reopen`),
    ];
    const seen: { at: string; bare: string; expanded: string }[] = [];
    const look = async () => {
      const [bare, expanded] = await Promise.all(
        ['', '?expand=milestones'].map((rest) => service.as(caller).get(`/projects/${planned.id}${rest}`)),
      );
      seen.push({ at: new Date().toISOString(), bare: bare!.body, expanded: expanded!.body });
      await theNextMillisecond();
    };
    await look();
    for (const step of steps) {
      await step();
      await look();
    }
    expect(new Set(seen.map(({ expanded }) => expanded)).size).toBe(steps.length + 1);
    for (const { at, bare, expanded } of seen) {
      expect((await asOf(planned.id, at)).body).toBe(bare);
      expect((await asOf(planned.id, at, caller, '&expand=milestones')).body).toBe(expanded);
    }
  });

  it('200 with the ETag of then', async () => {
    const { id, created_at } = await aProject();
    await theNextMillisecond();
    await service.as(caller).patch(`/projects/${id}`, { name: 'Other' });
    expect((await asOf(id, created_at)).headers['etag']).toBe('W/"1"');
    expect((await asOf(id, new Date().toISOString())).headers['etag']).toBe('W/"2"');
  });

  it('200 with how it is now for an instant that is yet to come', async () => {
    const { id } = await aProject({ template: 'fitout_v2', starts_on: '2020-01-01' });
    expect((await asOf(id, '2199-01-01T00:00:00Z')).body).toBe((await service.as(caller).get(`/projects/${id}`)).body);
  });

  it('404 when there was none yet', async () => {
    const { id, created_at } = await aProject();
    expect((await asOf(id, created_at)).statusCode).toBe(200);
    expect((await asOf(id, new Date(Date.parse(created_at) - 1).toISOString())).statusCode).toBe(404);
  });

  it("404 for another organization's project and another mode's, to the byte as for one that never was", async () => {
    const { id } = await aProject({ template: 'fitout_v2' });
    const refusal = async (as: typeof caller, of: string) => {
      const answer = await service.as(as).get(`/projects/${of}?as_of=2199-01-01T00:00:00Z&expand=milestones`, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('prj'));
    expect(never[0]).toBe(404);
    for (const stranger of [aCaller(), { ...caller, livemode: !caller.livemode }]) expect(await refusal(stranger, id)).toEqual(never);
  });

  it('422 for what is no instant, and for tasks as they were', async () => {
    const { id } = await aProject();
    for (const [at, rest] of [
      ['yesterday', ''],
      ['2026-11-24', ''],
      ['2026-11-24T10:00:00Z', '&expand=milestones.tasks'],
    ])
      expect((await asOf(id, at!, caller, rest)).statusCode).toBe(422);
  });

  // Clocks of several machines can be apart by some milliseconds: what is not yet does not show before what it follows on.
  it('shows nothing that had not happened because what it follows on had not', async () => {
    const { id } = await aProject();
    const insert = (version: number, name: string, at: string) =>
      service.write(
        caller,
        `insert into events (organization_id, livemode, id, stream_id, version, type, data, metadata, occurred_at)
           select organization_id, livemode, 'evt_' || $2::integer || $1, $1, $2::integer, 'project.updated', jsonb_build_object('changed', jsonb_build_object('name', $3::text), 'at', $4::text), metadata, $4::timestamptz
             from events where stream_id = $1 and version = 1`,
        [id, version, name, at],
      );
    await insert(2, 'Second', '2198-01-02T00:00:00.000Z');
    await insert(3, 'Third', '2026-11-24T00:00:00.000Z');
    expect((await asOf(id, new Date().toISOString())).json<Project>()).toMatchObject({ name: 'Fit-out', version: 1 });
  });

  // 1,000 events of one project. The processor's time and not the clock's, and the best of several: what is measured is this service, and neither the
  // database nor its neighbours on the machine.
  it('takes at most 50 ms of the processor for 1,000 events', async () => {
    const planned = await aProject({ template: 'fitout_v2' });
    await service.write(
      caller,
      `insert into events (organization_id, livemode, id, stream_id, version, type, data, metadata, occurred_at)
         select organization_id, livemode, 'evt_' || n || $1, $1, n, 'project.updated',
                jsonb_build_object('changed', jsonb_build_object('name', 'Name ' || n), 'at', '2026-11-24T00:00:00.000Z'), metadata, occurred_at
           from events cross join generate_series(2, 1000) n where stream_id = $1 and version = 1`,
      [planned.id],
    );
    const times: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = process.cpuUsage();
      const answer = (await asOf(planned.id, new Date().toISOString(), caller, '&expand=milestones')).json<ExpandedProject>();
      const { user, system } = process.cpuUsage(before);
      times.push((user + system) / 1_000);
      expect(answer).toMatchObject({ name: 'Name 1000', version: 1_000 });
    }
    expect(Math.min(...times)).toBeLessThan(50);
  });
});
