import fc from 'fast-check';
import type { Milestone } from '@works/contracts/milestones';
import type { ExpandedProject, PlannedProject, Project } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { completed, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

interface List<Item> {
  object: 'list';
  data: Item[];
  has_more: boolean;
  next_cursor: string | null;
}

let service: ProjectsService;
let caller: ReturnType<typeof aCaller>;

beforeAll(async () => {
  service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
});
beforeEach(() => {
  caller = aCaller();
});
afterAll(() => service.stop());

const aProject = async (body: object = {}, as = caller) =>
  (await service.as(as).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), ...body })).json<PlannedProject>();
const get = (url: string, as = caller) => service.as(as).get(url, { 'x-request-id': 'same' });

describe('GET /projects/{id}', () => {
  it('200 with the milestones, when asked to expand them', async () => {
    const planned = await aProject({ template: 'fitout_v2' });
    const answer = await get(`/projects/${planned.id}?expand=milestones`);
    const { milestones, ...project } = answer.json<ExpandedProject>();
    expect(JSON.stringify(project)).toBe((await get(`/projects/${planned.id}`)).body);
    expect(milestones).toEqual((await get(`/projects/${planned.id}/milestones`)).json<List<Milestone>>().data);
    expect(milestones).toHaveLength(5);
  });

  it('422 for an expansion that is not served', async () => {
    const { id } = await aProject();
    for (const expand of ['tasks', 'milestones.invoice', 'milestones&expand=milestones'])
      expect((await get(`/projects/${id}?expand=${expand}`)).statusCode).toBe(422);
  });
});

describe('GET /projects/{id}/milestones', () => {
  it('200 with all milestones in order, what is done, and what blocks', async () => {
    const planned = await aProject({ template: 'fitout_v2' });
    const [survey, ...open] = tasksOf(planned);
    await service.hear(completed(caller, survey!));
    const list = (await get(`/projects/${planned.id}/milestones`)).json<List<Milestone>>();
    expect(list).toMatchObject({ object: 'list', has_more: false, next_cursor: null });
    expect(list.data.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
    expect(list.data[0]).toMatchObject({
      progress: { tasks: 5, tasks_completed: 1 },
      blocked_by: open.map(({ id, title }) => ({ kind: 'task', id, title })),
      invoice: null,
    });
  });

  it('200 with nothing for a project without milestones', async () => {
    const { id } = await aProject();
    expect((await get(`/projects/${id}/milestones`)).json()).toEqual({ object: 'list', data: [], has_more: false, next_cursor: null });
  });
});

// Guarantees that a stranger cannot learn whether a project exists: the same bytes as for an id that never was.
describe("another organization's project, and another mode's", () => {
  it.each(['', '?expand=milestones', '/milestones'])('is 404 at /projects/{id}%s', async (rest) => {
    const { id } = await aProject({ template: 'fitout_v2' });
    const never = await get(`/projects/${newId('prj')}${rest}`);
    expect(never.statusCode).toBe(404);
    for (const stranger of [aCaller(), { ...caller, livemode: !caller.livemode }]) {
      const answer = await get(`/projects/${id}${rest}`, stranger);
      expect([answer.statusCode, answer.body]).toEqual([404, never.body]);
    }
  });

  it('is in no list', async () => {
    await aProject({ reference: 'PO-1' });
    for (const stranger of [aCaller(), { ...caller, livemode: !caller.livemode }]) {
      expect((await get('/projects?reference=PO-1', stranger)).json<List<Project>>().data).toEqual([]);
    }
  });

  it('403 without the scope', async () => {
    const nobody = { ...caller, scopes: ['tasks:read'] };
    for (const url of ['/projects', `/projects/${newId('prj')}`, `/projects/${newId('prj')}/milestones`])
      expect((await get(url, nobody)).statusCode).toBe(403);
  });
});

describe('GET /projects', () => {
  const page = async (query = '') => (await get(`/projects${query}`)).json<List<Project>>();

  it('200 newest first, as reading each would answer', async () => {
    const made = [await aProject(), await aProject({ template: 'fitout_v2' })];
    const { data } = await page();
    expect(data.map(({ id }) => id)).toEqual([made[1]!.id, made[0]!.id]);
    expect(JSON.stringify(data[0])).toBe((await get(`/projects/${made[1]!.id}`)).body);
  });

  it('200 narrowed by status, owner, deal and reference', async () => {
    const [owner_id, deal_id] = [newId('usr'), newId('dl')];
    const wanted = await aProject({ owner_id, deal_id, reference: 'PO-7' });
    const closed = await aProject();
    await service.as(caller).post(`/projects/${closed.id}/close`, { outcome: 'cancelled' });
    for (const query of [
      `owner_id=${owner_id}`,
      `deal_id=${deal_id}`,
      'reference=PO-7',
      'status=active',
      `status=active&deal_id=${deal_id}`,
    ]) {
      expect((await page(`?${query}`)).data.map(({ id }) => id)).toEqual([wanted.id]);
    }
    expect((await page(`?status=closed&deal_id=${deal_id}`)).data).toEqual([]);
  });

  describe('200 narrowed', () => {
    const ids = async (query: string) => (await page(`?${query}`)).data.map(({ id }) => id);

    it('by contact, by what is due in a window, and by metadata, combined freely', async () => {
      const contact_id = newId('ctc');
      const june = await aProject({ due_on: '2027-06-30', metadata: { po: '4711', floor: '2' } });
      const july = await aProject({ due_on: '2027-07-01', contact_id, metadata: { po: '4711', floor: '3' } });
      const never = await aProject({ contact_id, metadata: { 'cost centre [b]': 'a & b' } });
      expect(await ids(`contact_id=${contact_id}`)).toEqual([never.id, july.id]);
      expect(await ids('due_from=2027-06-30&due_until=2027-06-30')).toEqual([june.id]);
      expect(await ids('due_from=2027-06-30')).toEqual([july.id, june.id]);
      expect(await ids('due_until=2027-06-29')).toEqual([]);
      expect(await ids('metadata[po]=4711')).toEqual([july.id, june.id]);
      expect(await ids('metadata[po]=4711&metadata[floor]=3')).toEqual([july.id]);
      expect(await ids('metadata%5Bpo%5D=4711&due_until=2027-06-30&status=active')).toEqual([june.id]);
      expect(await ids(`metadata[${encodeURIComponent('cost centre [b]')}]=${encodeURIComponent('a & b')}`)).toEqual([never.id]);
      expect(await ids('metadata[po]=471')).toEqual([]);
    });

    it('by what is so now, not by what was', async () => {
      const project = await aProject({ metadata: { po: '1', floor: '2' }, due_on: '2027-06-30' });
      await service.as(caller).patch(`/projects/${project.id}`, { metadata: { po: '2', floor: null }, due_on: null });
      for (const query of ['metadata[po]=1', 'metadata[floor]=2', 'due_from=2027-01-01']) expect(await ids(query)).toEqual([]);
      expect(await ids('metadata[po]=2')).toEqual([project.id]);
    });

    it("never by another organization's metadata", async () => {
      await aProject({ metadata: { po: '1' } });
      expect((await get('/projects?metadata[po]=1', aCaller())).json<List<Project>>().data).toEqual([]);
      expect(await service.query(aCaller(), 'select from project_metadata')).toEqual([]);
    });

    it('over pages whose cursor belongs to the filter', async () => {
      const made = [];
      for (let n = 0; n < 5; n++) made.unshift((await aProject({ metadata: { po: '1', n: String(n) } })).id);
      const first = await page('?limit=3&metadata[po]=1');
      expect(first.data.map(({ id }) => id)).toEqual(made.slice(0, 3));
      const cursor = first.next_cursor!;
      expect(await ids(`limit=3&metadata[po]=1&cursor=${cursor}`)).toEqual(made.slice(3));
      expect((await get(`/projects?limit=3&metadata[po]=2&cursor=${cursor}`)).json().code).toBe('cursor_mismatch');
    });

    it('422 for what is no day, and for metadata that is said twice or not at all', async () => {
      for (const query of ['due_from=soon', 'due_until=2027-02-30', 'metadata=po', 'metadata[po]=1&metadata[po]=2', 'colour[a]=1'])
        expect((await get(`/projects?${query}`)).statusCode).toBe(422);
    });
  });

  it('400 cursor_mismatch when the filter changes on the way', async () => {
    await aProject();
    await aProject();
    const { next_cursor } = await page('?limit=1');
    expect((await get(`/projects?limit=1&status=active&cursor=${next_cursor}`)).json().code).toBe('cursor_mismatch');
    expect((await get('/projects?cursor=nonsense')).json().code).toBe('cursor_invalid');
  });

  it('a walk returns every project that was there throughout exactly once, whatever is opened and closed meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom('open', 'close', 'nothing'), { minLength: 12, maxLength: 12 }),
        async (limit, meanwhile) => {
          caller = aCaller();
          const steady = await Promise.all(Array.from({ length: 9 }, () => aProject()));
          const seen: string[] = [];
          let cursor: string | null = null;
          do {
            const { data, next_cursor }: List<Project> = await page(`?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`);
            seen.push(...data.map(({ id }) => id));
            cursor = next_cursor;
            const happens = meanwhile.pop();
            if (happens === 'open') await aProject();
            if (happens === 'close') await service.as(caller).post(`/projects/${steady[0]!.id}/close`, { outcome: 'cancelled' });
          } while (cursor !== null);
          expect(seen.filter((id) => steady.some((project) => project.id === id)).sort()).toEqual(steady.map(({ id }) => id).sort());
          expect(new Set(seen).size).toBe(seen.length);
        },
      ),
      { numRuns: 6 },
    );
  });
});
