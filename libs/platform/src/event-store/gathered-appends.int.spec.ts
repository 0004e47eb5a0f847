import { Client, type Pool } from 'pg';
import type { Caller } from '../caller';
import { newId } from '../ids';
import { RuleViolation } from '../errors';
import { openPool } from '../postgres';
import { PLATFORM_PROBLEMS } from '../problems';
import { TenantDatabase } from '../tenancy';
import { aCaller, aCommand, testDatabase, type TestDatabase } from '../testing';
import { EventStore } from './event-store';
import { fresh, record } from './record';
import type { Aggregate, CommandRequest, RecordedAnswer } from './types';

interface Note {
  readonly text: string;
}
type NoteEvent = { readonly type: 'note.written'; readonly data: Note };

const notes: Aggregate<Note, NoteEvent> = { table: 'notes', evolve: (_, { data }) => data };

describe('mutations that are committed together', () => {
  let database: TestDatabase;
  let owner: Client;
  let pools: Pool[];
  let stores: EventStore[];

  beforeAll(async () => {
    database = await testDatabase('platform');
    owner = new Client({ connectionString: database.ownerUrl });
    await owner.connect();
    await owner.query("create unique index notes_seat on notes (organization_id, (state->>'text')) where state->>'text' like 'seat %'");
    // Two instances of the service, as two processes would be.
    pools = [1, 2].map(() => openPool(database.appUrl, { max: 4, applicationName: 'spec' }));
    stores = pools.map(
      (pool) =>
        new EventStore({
          pool,
          service: 'notes',
          publish: () => null,
          valueBytesMax: 1_000,
          catalogue: { ...PLATFORM_PROBLEMS, seat_taken: { status: 409, title: 'The seat is taken', retryable: false } },
          committed: () => undefined,
        }),
    );
  });
  afterAll(async () => {
    await Promise.all([owner.end(), ...pools.map((pool) => pool.end())]);
    await database.drop();
  });

  const write = (request: CommandRequest, text: string, store = stores[0]!): Promise<RecordedAnswer> =>
    store.create(
      request,
      () => {
        const change = record(notes, fresh(newId('note')), [{ type: 'note.written', data: { text } }]);
        return { changes: [change], answer: { status: 201, body: { id: change.id, text } } };
      },
      { refusal: (constraint) => (constraint === 'notes_seat' ? new RuleViolation('seat_taken', 'Somebody sits there.') : null) },
    );

  const countOf = async (caller: Caller, table: string): Promise<number> =>
    (await new TenantDatabase(pools[0]!).query<{ count: number }>(caller, `select count(*)::int from ${table}`))[0]!.count;

  it('share few transactions, of all tenants, and each tenant has its own', async () => {
    const callers = Array.from({ length: 5 }, () => aCaller());
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => write(aCommand({ caller: callers[index % 5]! }), `note ${index}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(100).fill(201));
    const positions = new Set(answers.map(({ headers }) => headers['works-position']));
    expect(positions.size).toBeLessThan(20);
    for (const caller of callers) {
      const rows = await new TenantDatabase(pools[0]!).query<{ organization_id: string }>(caller, 'select organization_id from events');
      expect(rows.map((row) => row.organization_id)).toEqual(Array<string>(20).fill(caller.organizationId));
    }
  });

  // Guarantees that a refusal costs its neighbours time and nothing else, and that what is refused leaves nothing behind.
  it('answer each for itself when some are refused', async () => {
    const caller = aCaller();
    await write(aCommand({ caller }), 'seat 7');
    const requests = Array.from({ length: 40 }, (_, index) => ({
      request: aCommand({ caller }),
      text: index % 4 === 0 ? 'seat 7' : `n ${index}`,
    }));
    const answers = await Promise.all(requests.map(({ request, text }) => write(request, text)));
    expect(answers.map(({ status }) => status)).toEqual(requests.map(({ text }) => (text === 'seat 7' ? 409 : 201)));
    expect(await Promise.all(['notes', 'events', 'idempotency_keys'].map((table) => countOf(caller, table)))).toEqual([31, 31, 41]);
  });

  it('meet their twins of another process in the middle of a batch', async () => {
    const caller = aCaller();
    const requests = Array.from({ length: 30 }, () => aCommand({ caller }));
    const [here, there] = await Promise.all(
      stores.map((store) => Promise.all(requests.map((request, index) => write(request, `twin ${index}`, store)))),
    );
    expect(there!.map(({ body }) => body)).toEqual(here!.map(({ body }) => body));
    expect(await countOf(caller, 'notes')).toBe(30);
  });
});
