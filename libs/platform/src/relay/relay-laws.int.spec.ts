import fc from 'fast-check';
import { Client, type Pool, type PoolClient } from 'pg';
import type { EventLog, LogMessage } from '../event-log';
import { createLogger } from '../logging';
import { openPool } from '../postgres';
import { eventually, insertFacts, testDatabase, type StoredFact } from '../testing';
import { Relay } from './relay';
import { LogOnTheTable } from './relay.examples';

/** Just below where numbers get another digit as text, another sign in 32 bits, or lose their last digit as a double. */
const BOUNDARIES = [9n, 99n, 999n, 9_999n, 99_999n, 2n ** 31n, 2n ** 32n, 2n ** 53n];
const LOWEST = 1n;

/** The chance that a batch ends in a crash, by what of it the log has. */
type Crash = 'nothing taken' | 'all taken' | 'connection cut';

interface Transaction {
  readonly tenant: number;
  readonly key: number;
  readonly facts: number;
  readonly commits: boolean;
  /** How many other transactions begin before this one ends. */
  readonly open: number;
}

const script = fc.record({
  begins: fc.tuple(fc.constantFrom(...BOUNDARIES), fc.integer({ min: 0, max: 40 })),
  transactions: fc.array(
    fc.record({
      tenant: fc.integer({ min: 0, max: 3 }),
      key: fc.integer({ min: 0, max: 2 }),
      facts: fc.oneof(
        { weight: 12, arbitrary: fc.integer({ min: 1, max: 30 }) },
        { weight: 2, arbitrary: fc.integer({ min: 400, max: 1_200 }) },
        { weight: 1, arbitrary: fc.constant(5_000) },
      ),
      commits: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      open: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  crashes: fc.array(
    fc.record({ batch: fc.integer({ min: 1, max: 8 }), crash: fc.constantFrom<Crash>('nothing taken', 'all taken', 'connection cut') }),
    {
      maxLength: 3,
    },
  ),
  awayFirst: fc.boolean(),
});

type Script = typeof script extends fc.Arbitrary<infer Value> ? Value : never;

interface Committed {
  readonly facts: readonly StoredFact[];
  readonly beganAt: number;
  readonly endedAt: number;
}

describe('the laws of the relay', () => {
  /**
   * What is published is exactly what was committed. Of a stream, event 2 never before event 1; of a key, nothing before what had been committed when it
   * began to be written. And what is published twice was in flight when something crashed.
   */
  it('publishes what was committed, in order, and twice only what was in flight at a crash', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (each) => {
        const { log, committed, inFlight } = await run(each);
        const ids = log.ids;
        const firstAt = new Map<string, number>();
        ids.forEach((id, index) => firstAt.set(id, firstAt.get(id) ?? index));

        const all = committed.flatMap(({ facts }) => facts);
        expect([...firstAt.keys()].sort()).toEqual(all.map(({ id }) => id).sort());
        expect(ids.filter((id, index) => firstAt.get(id) !== index && !inFlight.has(id))).toEqual([]);

        // They were written in the order of their versions.
        const lastOf = new Map<string, number>();
        for (const { id, streamId } of all) {
          expect(firstAt.get(id)!).toBeGreaterThan(lastOf.get(streamId!) ?? -1);
          lastOf.set(streamId!, firstAt.get(id)!);
        }
        for (const earlier of committed)
          for (const later of committed)
            if (earlier.endedAt < later.beganAt && sameKey(earlier, later))
              expect(Math.max(...earlier.facts.map(({ id }) => firstAt.get(id)!))).toBeLessThan(
                Math.min(...later.facts.map(({ id }) => firstAt.get(id)!)),
              );
      }),
      { numRuns: Number(process.env['WORKS_RELAY_RUNS'] ?? 16), endOnFailure: true },
    );
  });
});

const sameKey = ({ facts: [one] }: Committed, { facts: [other] }: Committed): boolean =>
  one!.key === other!.key && one!.organizationId === other!.organizationId;

/** Plays a script on a store of its own, and resolves once everything that was committed has been published. */
async function run({ begins: [boundary, before], transactions, crashes, awayFirst }: Script) {
  const database = await testDatabase('platform');
  const owner = openPool(database.superuserUrl, { max: 6, applicationName: 'spec' });
  const workers = openPool(database.workerUrl, { max: 2, applicationName: 'spec' });
  const log = new LogOnTheTable();
  const inFlight = new Set<string>();
  let batches = 0;
  log.taken = async (messages) => {
    const crash = crashes.find(({ batch }) => batch === ++batches)?.crash ?? null;
    if (crash === null) return;
    for (const { headers } of messages) inFlight.add(headers['ce_id']!);
    if (crash === 'nothing taken') log.published.splice(-messages.length);
    if (crash === 'connection cut') await cutRelay(owner);
    else throw new Error('the log has died');
  };
  log.away = awayFirst;
  const relay = new Relay({
    databaseUrl: database.workerUrl,
    pool: workers,
    service: 'notes',
    log: log as unknown as EventLog,
    logger: createLogger({ name: 'spec', level: 'silent' }),
  });
  try {
    const first = boundary - BigInt(before) > LOWEST ? boundary - BigInt(before) : LOWEST;
    await owner.query(`alter sequence events_position_seq restart with ${first}`);
    relay.start();
    const committed = await write(owner, transactions, relay.poke);
    log.away = false;
    const expected = new Set(committed.flatMap(({ facts }) => facts.map(({ id }) => id)));
    await eventually(() => expect(new Set(log.ids).size).toBeGreaterThanOrEqual(expected.size));
    // What is left of a batch in flight would be published now.
    await eventually(async () => expect((await owner.query('select from outbox')).rowCount).toBe(0));
    return { log, committed, inFlight };
  } finally {
    await relay.stop();
    await Promise.all([owner.end(), workers.end()]);
    await database.drop();
  }
}

const cutRelay = (owner: Pool) =>
  owner.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'notes relay' and datname = current_database()",
  );

/** Transactions overlap as the script says; each writes streams of its own, several versions of each. */
async function write(owner: Pool, transactions: readonly Transaction[], poke: () => void): Promise<Committed[]> {
  const committed: Committed[] = [];
  const open: { client: PoolClient; facts: StoredFact[]; commits: boolean; beganAt: number; left: number }[] = [];
  let now = 0;
  const end = async (which: (typeof open)[number]) => {
    open.splice(open.indexOf(which), 1);
    const { client, facts, commits, beganAt } = which;
    await client.query(commits ? 'commit' : 'rollback');
    client.release();
    if (commits) committed.push({ facts, beganAt, endedAt: now++ });
    poke();
  };
  for (const [index, { tenant, key, facts: count, commits, open: left }] of transactions.entries()) {
    const client = await owner.connect();
    await client.query('begin');
    const beganAt = now++;
    const facts = Array.from({ length: count }, (_, nth) => ({
      id: `evt_${index}_${nth}`,
      organizationId: `org_${tenant}`,
      streamId: `note_${index}_${nth % 7}`,
      version: Math.floor(nth / 7) + 1,
      key: `key_${key}`,
    }));
    await insertFacts(client, facts);
    open.push({ client, facts, commits, beganAt, left });
    for (const each of [...open]) if (each.left-- === 0) await end(each);
  }
  for (const each of [...open].reverse()) await end(each);
  return committed;
}

describe('the fairness of the relay', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let owner: Pool;
  let workers: Pool;

  beforeEach(async () => {
    database = await testDatabase('platform');
    owner = openPool(database.superuserUrl, { max: 4, applicationName: 'spec' });
    workers = openPool(database.workerUrl, { max: 2, applicationName: 'spec' });
  });

  afterEach(async () => {
    await Promise.all([owner.end(), workers.end()]);
    await database.drop();
  });

  const batchesOf = async (facts: readonly StoredFact[]): Promise<LogMessage[][]> => {
    for (let from = 0; from < facts.length; from += 5_000) await insertFacts(owner, facts.slice(from, from + 5_000));
    const log = new LogOnTheTable();
    const batches: LogMessage[][] = [];
    log.taken = (messages) => Promise.resolve(void batches.push([...messages]));
    const relay = new Relay({
      databaseUrl: database.workerUrl,
      pool: workers,
      service: 'notes',
      log: log as unknown as EventLog,
      logger: createLogger({ name: 'spec', level: 'silent' }),
    });
    relay.start();
    await eventually(() => expect(log.published).toHaveLength(facts.length));
    await relay.stop();
    return batches;
  };
  const some = (organizationId: string, count: number) =>
    Array.from({ length: count }, (_, nth) => ({ id: `evt_${organizationId}_${nth}`, organizationId }));

  // One organization's import waits behind itself alone.
  it('lets three facts of one organization wait for none of twenty thousand of another', async () => {
    const batches = await batchesOf([...some('org_flood', 20_000), ...some('org_small', 3)]);
    // The first batch is whatever is first, the second has found out that there is a crowd.
    const small = batches
      .slice(0, 2)
      .flat()
      .filter(({ headers }) => headers['ce_organizationid'] === 'org_small');
    expect(small.map(({ headers }) => headers['ce_id'])).toEqual(['evt_org_small_0', 'evt_org_small_1', 'evt_org_small_2']);
    // Nor does the flood lose its share of a batch.
    expect(batches.length).toBeLessThan(45);
  });

  it('serves every one of more organizations than one batch has room for, in turn', async () => {
    const organizations = Array.from({ length: 1_203 }, (_, nth) => `org_${String(nth).padStart(4, '0')}`);
    const batches = await batchesOf(organizations.flatMap((organization) => some(organization, 2)));
    const turnOf = new Map<string, number>();
    batches.forEach((batch, index) => {
      for (const { headers } of batch) if (!turnOf.has(headers['ce_organizationid']!)) turnOf.set(headers['ce_organizationid']!, index);
    });
    expect(turnOf.size).toBe(organizations.length);
    expect(Math.max(...turnOf.values())).toBeLessThan(3);
  });

  // A transaction that idles, here or in any other database of the server, is nobody's business but its own.
  it('publishes while transactions idle, also one that holds a fact', async () => {
    const idle = new Client({ connectionString: database.superuserUrl });
    const elsewhere = new Client({ connectionString: process.env['TEST_POSTGRES_URL'] });
    await Promise.all([idle.connect(), elsewhere.connect()]);
    await elsewhere.query('begin; select pg_current_xact_id()');
    await idle.query('begin');
    await insertFacts(idle, [{ id: 'evt_held' }]);
    const batches = await batchesOf(some('org_a', 10));
    expect(batches.flat()).toHaveLength(10);
    await Promise.all([idle.query('rollback'), elsewhere.query('rollback')]);
    await Promise.all([idle.end(), elsewhere.end()]);
  });
});
