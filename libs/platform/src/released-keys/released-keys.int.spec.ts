import fc from 'fast-check';
import type { Pool } from 'pg';
import type { Caller } from '../caller';
import { EventStore, fresh, record, type Aggregate, type RecordedAnswer } from '../event-store';
import { released, reopened, TwinGate, type KeyRecord } from '../idempotency';
import { newId } from '../ids';
import { openPool } from '../postgres';
import type { Problem } from '../problems';
import { PLATFORM_PROBLEMS } from '../problems';
import { TenantDatabase } from '../tenancy';
import { aCaller, aCommand, testDatabase, type TestDatabase } from '../testing';
import { ReleasedKeys } from '.';

interface Note {
  readonly text: string;
}
const notes: Aggregate<Note, { readonly type: 'note.written'; readonly data: Note }> = { table: 'notes', evolve: (_, { data }) => data };

describe('keys that are given away', () => {
  let database: TestDatabase;
  let pool: Pool;
  let owner: Pool;
  let here: { store: EventStore; keys: ReleasedKeys };
  /** Another process of the same service. */
  let there: { store: EventStore; keys: ReleasedKeys };

  beforeAll(async () => {
    database = await testDatabase('platform');
    pool = openPool(database.appUrl, { max: 8, applicationName: 'spec' });
    owner = openPool(database.superuserUrl, { max: 1, applicationName: 'spec' });
    [here, there] = [aProcess(), aProcess()];
  });
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  const aProcess = () => {
    const twins = new TwinGate();
    const options = {
      pool,
      service: 'notes',
      publish: () => null,
      valueBytesMax: 1_000,
      catalogue: PLATFORM_PROBLEMS,
      committed: () => undefined,
    };
    return { store: new EventStore({ ...options, twins }), keys: new ReleasedKeys(new TenantDatabase(pool), twins, 50) };
  };

  const write = (caller: Caller, idempotencyKey: string, fingerprint = 'a', on = here.store, decided: Promise<void> = Promise.resolve()) =>
    on.create(aCommand({ caller, idempotencyKey, fingerprint }), async () => {
      await decided;
      const change = record(notes, fresh<Note>(newId('note')), [{ type: 'note.written', data: { text: 'x' } }]);
      return { changes: [change], answer: { status: 201, body: { id: change.id } } };
    });
  const codeOf = (attempt: Promise<RecordedAnswer>) =>
    attempt.then(
      ({ status, headers }) => (headers['idempotent-replayed'] ? 'replayed' : String(status)),
      (error: unknown) => (error as Problem).code,
    );
  const notesOf = async ({ organizationId }: Caller) =>
    Number((await owner.query('select count(*) from notes where organization_id = $1', [organizationId])).rows[0].count);

  // Guarantees that the explorer's moves are what the statements do: each of these in any order, with the same words and the same effects.
  it('do what the protocol says', async () => {
    const action = fc.oneof(
      fc.record({ do: fc.constant('release' as const), generation: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ do: fc.constant('reopen' as const), generation: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ do: fc.constant('execute' as const), fingerprint: fc.constantFrom('a', 'b') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ action, process: fc.boolean() }), { maxLength: 8 }), async (steps) => {
        const [caller, key] = [aCaller(), newId('idem')];
        let model: KeyRecord | null = null;
        let effects = 0;
        for (const { action: step, process } of steps) {
          const { keys, store } = process ? here : there;
          if (step.do === 'release') {
            const expected: ReturnType<typeof released> = released(model, step.generation);
            expect(await keys.release(caller, key, step.generation)).toBe(expected.release);
            model = expected.record;
          } else if (step.do === 'reopen') {
            await keys.reopen(caller, key, step.generation);
            model = reopened(model, step.generation);
          } else {
            const expected: string =
              model === null
                ? '201'
                : 'released' in model
                  ? 'idempotency_key_in_use'
                  : model.fingerprint === step.fingerprint
                    ? 'replayed'
                    : 'idempotency_key_reused';
            expect(await codeOf(write(caller, key, step.fingerprint, store))).toBe(expected);
            effects += expected === '201' ? 1 : 0;
            model ??= { fingerprint: step.fingerprint };
          }
        }
        expect(await notesOf(caller)).toBe(effects);
      }),
      { numRuns: 60 },
    );
  });

  // Guarantees that the first of two requests is not refused for the sake of the second, and that the second hears of it.
  it('are not given away while a request is at work under them in this process', async () => {
    const [caller, key] = [aCaller(), newId('idem')];
    let decide!: () => void;
    const first = codeOf(write(caller, key, 'a', here.store, new Promise((done) => (decide = done))));
    expect(await here.keys.release(caller, key, 1)).toBe('in_use');
    decide();
    expect([await first, await here.keys.release(caller, key, 1)]).toEqual(['201', 'kept']);
  });

  it('stop a request that is at work in another process: it ends without an effect', async () => {
    const [caller, key] = [aCaller(), newId('idem')];
    let decide!: () => void;
    const late = codeOf(write(caller, key, 'a', there.store, new Promise((done) => (decide = done))));
    expect(await here.keys.release(caller, key, 1)).toBe('released');
    decide();
    expect([await late, await notesOf(caller)]).toEqual(['idempotency_key_in_use', 0]);
  });

  it('are each tenant’s own', async () => {
    const [one, key] = [aCaller(), newId('idem')];
    expect(await here.keys.release(one, key, 1)).toBe('released');
    for (const other of [aCaller(), { ...one, livemode: false }]) expect(await codeOf(write(other, key))).toBe('201');
  });

  it('are remembered as given away for a day, and no longer', async () => {
    const [caller, key] = [aCaller(), newId('idem')];
    await here.keys.release(caller, key, 3);
    const { rows } = await owner.query(
      `update idempotency_keys set expires_at = expires_at - interval '24 hours 1 second' where key = $1 returning expires_at <= now() as over`,
      [key],
    );
    expect([rows[0].over, await codeOf(write(caller, key))]).toEqual([true, '201']);
  });
});
