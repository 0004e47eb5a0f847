import type { Pool } from 'pg';
import { openPool } from '../postgres';
import { TenantDatabase } from '../tenancy';
import { insertFacts, testDatabase, type StoredFact } from '../testing';
import { factsBetween, type WantedFacts } from './facts-between';

const TENANT = { organizationId: 'org_a', livemode: true };
const by = (id: string) => ({ actor: { type: 'api_key', id } });

// Starts where numbers get another digit: positions are compared as numbers.
describe.each([1, 97, 9_999_999_997])('facts that may not have been handled, from position %d on', (first) => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let owner: Pool;
  let service: Pool;

  beforeAll(async () => {
    database = await testDatabase('platform');
    owner = openPool(database.superuserUrl, { max: 2, applicationName: 'spec' });
    service = openPool(database.appUrl, { max: 2, applicationName: 'spec' });
    await owner.query('select setval($1, $2, false)', ['events_position_seq', first]);
    const facts: StoredFact[] = [
      { id: 'evt_1', key: 'prj_1', metadata: by('key_other') },
      { id: 'evt_2', key: 'prj_1', metadata: by('key_own') },
      { id: 'evt_3', key: 'prj_2', metadata: by('key_other') },
      { id: 'evt_4', key: 'prj_1', topic: 'note.read', metadata: by('key_own') },
      { id: 'evt_5', topic: null, metadata: by('key_own') },
      { id: 'evt_6', key: 'prj_1', organizationId: 'org_b', metadata: by('key_own') },
      { id: 'evt_7', key: 'prj_1', livemode: false, metadata: by('key_own') },
      { id: 'evt_8', key: 'prj_1', metadata: by('key_other') },
    ];
    for (const fact of facts) await insertFacts(owner, [fact]);
  });
  afterAll(async () => {
    await Promise.all([owner.end(), service.end()]);
    await database.drop();
  });

  const between = async (wanted: Partial<WantedFacts> = {}, limit?: number) => {
    const whole = { after: 0n, through: BigInt(first) + 7n, topics: ['note.written'], keys: null, actorId: null, ...wanted };
    const { messages, next } = await factsBetween(new TenantDatabase(service), 'notes', TENANT, whole, limit);
    return { ids: messages.map(({ headers }) => headers['ce_id']), next };
  };

  it('are those of the tenant, whole and in order', async () => {
    expect((await between()).ids).toEqual(['evt_1', 'evt_2', 'evt_3', 'evt_8']);
  });

  it('are those of some keys', async () => {
    expect((await between({ keys: ['prj_2'] })).ids).toEqual(['evt_3']);
    expect((await between({ keys: [] })).ids).toEqual([]);
  });

  it('are all of the keys under which somebody wrote', async () => {
    expect((await between({ keys: [], actorId: 'key_own' })).ids).toEqual(['evt_1', 'evt_2', 'evt_8']);
    expect((await between({ keys: ['prj_2'], actorId: 'key_own' })).ids).toEqual(['evt_1', 'evt_2', 'evt_3', 'evt_8']);
    expect((await between({ keys: [], actorId: 'key_own', after: BigInt(first) + 3n })).ids).toEqual([]);
  });

  it('lie between the two positions, and come a page at a time', async () => {
    expect((await between({ after: BigInt(first), through: BigInt(first) + 2n })).ids).toEqual(['evt_2', 'evt_3']);
    const page = await between({}, 2);
    expect(page).toEqual({ ids: ['evt_1', 'evt_2'], next: BigInt(first) + 1n });
    expect(await between({ after: page.next! }, 3)).toEqual({ ids: ['evt_3', 'evt_8'], next: null });
  });
});
