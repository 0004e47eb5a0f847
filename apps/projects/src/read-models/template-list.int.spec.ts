import type { Template, TemplateSummary } from '@works/contracts/templates';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';

interface List {
  data: TemplateSummary[];
  has_more: boolean;
  next_cursor: string | null;
}

describe('GET /templates', () => {
  let service: ProjectsService;
  let caller: ReturnType<typeof aCaller>;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const create = (key: string) => service.as(caller).post('/templates', { key, name: key, milestones: [] });
  const publish = (key: string) => service.as(caller).post(`/templates/${key}/versions`, { name: `${key}, again`, milestones: [] });
  const list = async (query = '', as = caller) => (await service.as(as).get(`/templates${query}`)).json<List>();

  it('shows what came with the product to an organization that has none of its own', async () => {
    const page = await list();
    expect(page).toMatchObject({ has_more: false, next_cursor: null });
    expect(page.data.map(({ key, version, counts }) => [key, version, counts])).toEqual([['fitout_v2', 1, { milestones: 5, tasks: 24 }]]);
  });

  it('shows each in its newest version, as GET does but for the milestones', async () => {
    await create('retail');
    await publish('retail');
    const { milestones: _, ...newest } = (await service.as(caller).get('/templates/retail')).json<Template>();
    expect((await list()).data[1]).toEqual(newest);
  });

  it('shows nobody what is not theirs', async () => {
    await create('retail');
    for (const stranger of [aCaller(), { ...caller, livemode: false }]) {
      expect((await list('', stranger)).data.map(({ key }) => key)).toEqual(['fitout_v2']);
    }
  });

  // Every template that is there throughout comes exactly once, whatever is published on the way.
  it.each([1, 2, 3, 25])('can be walked in pages of %i, by key, while templates appear and change', async (limit) => {
    const keys = ['a_first', 'fitout_v1', 'fitout_v3', 'retail', 'z_last'];
    for (const key of keys) await create(key);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: List = await list(`?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`);
      expect(page.data.length).toBeLessThanOrEqual(limit);
      seen.push(...page.data.map(({ key }) => key));
      cursor = page.next_cursor;
      await publish('fitout_v2');
      await create(`0_new_${seen.length}`);
    } while (cursor !== null);
    expect(seen).toEqual([...keys, 'fitout_v2'].sort());
  });

  it('400 for a cursor of somebody else', async () => {
    await create('retail');
    const { next_cursor } = await list('?limit=1');
    const answer = await service.as(aCaller()).get(`/templates?limit=1&cursor=${next_cursor}`);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'cursor_mismatch']);
  });
});
