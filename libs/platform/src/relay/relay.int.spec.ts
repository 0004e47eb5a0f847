import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { Client } from 'pg';
import type { EventLog } from '../event-log';
import { createLogger } from '../logging';
import { openPool } from '../postgres';
import { StableAddress } from '../postgres/stable-address.examples';
import { eventually, insertFacts, testDatabase } from '../testing';
import { publishedThrough } from './published-facts';
import { Relay } from './relay';
import { LogOnTheTable } from './relay.examples';

describe('the relay', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let owner: Pool;
  let workers: Pool;
  let log: LogOnTheTable;
  let relays: Relay[];

  beforeEach(async () => {
    database = await testDatabase('platform');
    owner = openPool(database.superuserUrl, { max: 4, applicationName: 'spec' });
    workers = openPool(database.workerUrl, { max: 4, applicationName: 'spec' });
    log = new LogOnTheTable();
    relays = [];
  });

  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.stop()));
    await Promise.all([owner.end(), workers.end()]);
    await database.drop();
  });

  const startRelay = (silenceMs?: number, databaseUrl = database.workerUrl): Relay => {
    const relay = new Relay({
      ...(silenceMs !== undefined && { silenceMs }),
      databaseUrl,
      pool: workers,
      service: 'notes',
      log: log as unknown as EventLog,
      logger: createLogger({ name: 'spec', level: 'silent' }),
    });
    relays.push(relay);
    relay.start();
    return relay;
  };

  const fact = (on: Pool | Client, id: string, topic: string | null = 'note.written') =>
    insertFacts(on, [{ id, topic, metadata: { caused_by: 'evt_0' } }]);

  // Positions are given before commits, so a reader that kept the last one it saw would pass over whoever commits late.
  it('passes over no fact, whatever the order of commits', async () => {
    const slow = new Client({ connectionString: database.superuserUrl });
    await slow.connect();
    await slow.query('begin');
    await fact(slow, 'evt_slow');
    const relay = startRelay();
    await fact(owner, 'evt_fast');
    relay.poke();
    await eventually(() => expect(log.ids).toEqual(['evt_fast']));
    await slow.query('commit');
    await slow.end();
    relay.poke();
    await eventually(() => expect(log.ids).toEqual(['evt_fast', 'evt_slow']));
  });

  it('keeps private facts private', async () => {
    startRelay();
    await fact(owner, 'evt_private', null);
    await fact(owner, 'evt_public');
    await eventually(() => expect(log.ids).toEqual(['evt_public']));
  });

  it('waits out an absence of the log and resumes by itself, in order', async () => {
    log.away = true;
    const relay = startRelay();
    for (const id of ['evt_1', 'evt_2', 'evt_3']) await fact(owner, id);
    await eventually(() => expect(relay.isLeader).toBe(true));
    log.away = false;
    await eventually(() => expect(log.ids).toEqual(['evt_1', 'evt_2', 'evt_3']));
  });

  it('goes on after its connection was cut', async () => {
    const relay = startRelay();
    await eventually(() => expect(relay.isLeader).toBe(true));
    await owner.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'notes relay' and datname = current_database()",
    );
    await fact(owner, 'evt_after');
    await eventually(() => expect(log.ids).toEqual(['evt_after']));
  });

  // A statement behind a lock looks from here like one on a machine that is gone: nothing comes back, and nothing ends.
  it('gives up a connection that says nothing, and goes on with another', async () => {
    const relay = startRelay(200);
    await eventually(() => expect(relay.isLeader).toBe(true));
    const lock = await owner.connect();
    await lock.query('begin; lock table events in access exclusive mode');
    await eventually(() => expect(relay.isLeader).toBe(false));
    await lock.query('commit');
    lock.release();
    await fact(owner, 'evt_after');
    await eventually(() => expect(log.ids).toEqual(['evt_after']));
  });

  // As at an address whose machine is gone and whose next one is not there yet: a connection that nobody answers must not be waited for.
  it('tries again where somebody listens and says nothing', async () => {
    const address = await StableAddress.open();
    address.keepQuiet();
    const relay = startRelay(500, address.of(database.workerUrl));
    await eventually(() => expect(address.connections).toBeGreaterThan(0));
    address.leadTo(database.workerUrl);
    await fact(owner, 'evt_1');
    await eventually(() => expect(log.ids).toEqual(['evt_1']));
    await relay.stop();
    await address.close();
  });

  // Two relays would let event 2 of an aggregate overtake event 1.
  it('has one leader, and a standby that takes over from its checkpoint', async () => {
    const first = startRelay();
    await eventually(() => expect(first.isLeader).toBe(true));
    const second = startRelay();
    await fact(owner, 'evt_1');
    first.poke();
    await eventually(() => expect(log.ids).toEqual(['evt_1']));
    expect(second.isLeader).toBe(false);
    await first.stop();
    await fact(owner, 'evt_2');
    await eventually(() => expect(log.ids).toEqual(['evt_1', 'evt_2']));
    expect(second.isLeader).toBe(true);
  });

  it('is woken by a commit in another process', async () => {
    const leader = startRelay();
    await eventually(() => expect(leader.isLeader).toBe(true));
    const standby = startRelay();
    await fact(owner, 'evt_elsewhere');
    standby.poke();
    await eventually(() => expect(log.ids).toEqual(['evt_elsewhere']));
    // A leader that only looked around by itself would take a whole turn of a second for each of these; the quickest tells, on a busy machine too.
    const tookMs: number[] = [];
    for (let turn = 1; turn <= 5; turn++) {
      // After publishing it looks once more, and only then waits to be woken.
      await delay(100);
      const since = performance.now();
      await fact(owner, `evt_elsewhere_${turn}`);
      standby.poke();
      await eventually(() => expect(log.ids).toHaveLength(turn + 1));
      tookMs.push(performance.now() - since);
    }
    expect(Math.min(...tookMs)).toBeLessThan(500);
  });

  it('says how far it has published', async () => {
    log.away = true;
    const relay = startRelay();
    const [at] = await fact(owner, 'evt_1');
    const position = BigInt(at!);
    relay.poke();
    expect(await publishedThrough(workers, position + 5n)).toBe(position - 1n);
    expect(await publishedThrough(workers, position - 1n)).toBe(position - 1n);
    log.away = false;
    await eventually(async () => expect(await publishedThrough(workers, position + 5n)).toBe(position + 5n));
  });

  it('tells CloudEvents', async () => {
    startRelay();
    const metadata = { previous_event: 'evt_of_a_caller' };
    const value = (previous_event: string | null) => JSON.stringify({ object: 'event', previous_event, data: { metadata } });
    await insertFacts(owner, [
      { id: 'evt_1', value: value('evt_before'), metadata: { caused_by: 'evt_0' } },
      { id: 'evt_first', value: value(null) },
    ]);
    await eventually(() => expect(log.published).toHaveLength(2));
    expect(log.published[1]!.headers['ce_previousid']).toBeUndefined();
    expect(log.published[0]).toMatchObject({
      topic: 'note.written',
      key: 'evt_1',
      headers: {
        ce_specversion: '1.0',
        ce_id: 'evt_1',
        ce_type: 'note.written',
        ce_source: '/works/notes',
        ce_sequence: '1',
        ce_livemode: 'true',
        ce_causationid: 'evt_0',
        ce_previousid: 'evt_before',
      },
    });
  });
});
