import type { PlannedProject, Project } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';

describe('PATCH /projects/{id}', () => {
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
  const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
    service.as(caller).patch(`/projects/${id}`, body, headers);
  const read = async (id: string) => (await service.as(caller).get(`/projects/${id}`)).body;
  const typesOf = async (id: string) => (await service.eventsOf(caller, id)).map(({ type }) => type);

  describe('200', () => {
    it('changes what is named and keeps the rest, as GET then answers to the byte', async () => {
      const before = await aProject({ template: 'fitout_v2', reference: 'PO-1' });
      const changes = {
        name: 'Second floor',
        owner_id: newId('usr'),
        deal_id: newId('dl'),
        contact_id: newId('ctc'),
        reference: null,
        time_zone: 'Europe/Berlin',
        starts_on: '2026-12-01',
        due_on: null,
        metadata: { po: '4711' },
      };
      const answer = await patch(before.id, { ...changes, time_zone: 'europe/berlin' });
      const { milestones: _, ...project } = before;
      expect([answer.statusCode, answer.headers['etag']]).toEqual([200, 'W/"2"']);
      expect(answer.json<Project>()).toEqual({ ...project, ...changes, updated_at: answer.json<Project>().updated_at, version: 2 });
      expect(await read(before.id)).toBe(answer.body);
    });

    it('tells everybody what it was before, and only of what has changed', async () => {
      const { id, name, owner_id } = await aProject({ metadata: { po: '1', floor: '2' } });
      const answer = await patch(id, { name: 'Second floor', owner_id, metadata: { po: null } });
      expect(answer.json<Project>().metadata).toEqual({ floor: '2' });
      expect((await service.eventsOf(caller, id)).at(-1)).toMatchObject({ type: 'project.updated', log_key: id });
      expect((await service.eventsOf(caller, id)).at(-1)!.public!.data).toEqual({
        project: answer.json(),
        previous: { name, metadata: { po: '1', floor: '2' } },
      });
    });

    it('changes nothing when all of it is so already', async () => {
      const project = await aProject({ metadata: { po: '1' } });
      const before = await read(project.id);
      for (const body of [{}, { name: 'Fit-out' }, { deal_id: null, metadata: { po: '1', gone: null } }])
        expect((await patch(project.id, body)).body).toBe(before);
      expect(await typesOf(project.id)).toEqual(['project.created']);
    });

    it('merges the metadata of ten people at the same moment', async () => {
      const { id } = await aProject();
      const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => patch(id, { metadata: { [`key_${n}`]: 'v' } })));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
      expect(Object.keys((JSON.parse(await read(id)) as Project).metadata)).toHaveLength(10);
    });
  });

  describe('409', () => {
    it('reference_taken names the project that has it, and a freed reference can be had', async () => {
      const first = await aProject({ reference: 'PO-1' });
      const second = await aProject();
      const refused = await patch(second.id, { reference: 'PO-1', name: 'Other' });
      expect([refused.statusCode, refused.json()]).toEqual([
        409,
        expect.objectContaining({ code: 'reference_taken', project_id: first.id }),
      ]);
      expect(JSON.parse(await read(second.id))).toMatchObject({ name: 'Fit-out', reference: null });
      await patch(first.id, { reference: null });
      expect((await patch(second.id, { reference: 'PO-1' })).json()).toMatchObject({ reference: 'PO-1' });
    });

    it('one of ten that ask for a reference at once gets it', async () => {
      const projects = await Promise.all(Array.from({ length: 10 }, () => aProject()));
      const answers = await Promise.all(projects.map(({ id }) => patch(id, { reference: 'PO-2' })));
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, ...Array<number>(9).fill(409)]);
    });

    it('project_closed once it is closed', async () => {
      const { id } = await aProject();
      await service.as(caller).post(`/projects/${id}/close`, { outcome: 'cancelled' });
      const answer = await patch(id, { name: 'Other' });
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'project_closed']);
    });
  });

  describe('422', () => {
    it.each<[string, object, string[]]>([
      ['every bad field at once', { name: '', owner_id: null, time_zone: 'Mars/Base' }, ['/name', '/owner_id', '/time_zone']],
      ['what cannot be changed', { status: 'closed', template: 'fitout_v2' }, ['/status', '/template']],
      ['metadata that is no text', { metadata: { po: 7 } }, ['/metadata/po']],
    ])('names %s', async (_, body, pointers) => {
      const { id } = await aProject();
      const answer = await patch(id, body);
      expect([answer.statusCode, answer.json().errors.map(({ pointer }) => pointer)]).toEqual([422, pointers]);
      expect(await typesOf(id)).toEqual(['project.created']);
    });

    it('for a start after the end that it has', async () => {
      const { id } = await aProject({ due_on: '2026-12-31' });
      const answer = await patch(id, { starts_on: '2027-01-01' });
      expect([answer.statusCode, answer.json().errors]).toEqual([
        422,
        [expect.objectContaining({ pointer: '/starts_on', code: 'out_of_range' })],
      ]);
    });

    it('for the fifty-first key of metadata', async () => {
      const { id } = await aProject({ metadata: Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, 'v'])) });
      const answer = await patch(id, { metadata: { more: 'v' } });
      expect([answer.statusCode, answer.json().code, answer.json().errors]).toEqual([
        422,
        'validation_failed',
        [expect.objectContaining({ pointer: '/metadata', code: 'too_many' })],
      ]);
    });
  });

  // Guarantees that a stranger cannot learn whether a project exists: the same bytes as for an id that never was.
  it("404 for another organization's project and another mode's", async () => {
    const { id } = await aProject();
    const refusal = async (as: typeof caller, of: string) => {
      const answer = await service.as(as).patch(`/projects/${of}`, { name: 'Mine' }, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('prj'));
    expect(never[0]).toBe(404);
    expect(await refusal(aCaller(), id)).toEqual(never);
    expect(await refusal({ ...caller, livemode: !caller.livemode }, id)).toEqual(never);
  });

  it('412 when the project has changed since it was read', async () => {
    const { id } = await aProject();
    expect((await patch(id, { name: 'One' }, { 'if-match': 'W/"1"' })).statusCode).toBe(200);
    expect((await patch(id, { name: 'Two' }, { 'if-match': 'W/"1"' })).statusCode).toBe(412);
  });

  it('403 without the scope', async () => {
    const { id } = await aProject();
    expect((await service.as({ ...caller, scopes: ['projects:read'] }).patch(`/projects/${id}`, { name: 'Mine' })).statusCode).toBe(403);
  });
});
