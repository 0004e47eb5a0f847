import { TenantDatabase } from '../tenancy';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { EventLog } from '../event-log';
import { EventStore, fresh, record, type Aggregate, type CommandRequest, type Decision, type RecordedAnswer } from '../event-store';
import { newId } from '../ids';
import { createLogger } from '../logging';
import { isOutage, openPool, sqlState } from '../postgres';
import { PLATFORM_PROBLEMS } from '../problems';
import { Published } from '../service/published';
import { aCaller, aCommand, eventually } from '../testing';
import { askOnConnect, Epochs } from './epochs';
import { asked, PairOfServers } from './failover.examples';
import { Relay } from './relay';
import { LogOnTheTable } from './relay.examples';
import type { RelayRepair } from './relay-repair';
import { SettledPositions } from './settled-positions';

interface Note {
  readonly text: string;
}
type NoteEvent = { type: 'note.written'; data: Note };
const notes: Aggregate<Note, NoteEvent> = { table: 'notes', evolve: (_, event) => event.data };

const WRITERS = 6;
/** Of a note, after which its writer begins another. */
const VERSIONS_MAX = 5;
const REPEAT_AFTER_MS = 5;
/** What a standby says to a write. */
const READ_ONLY = '25006';

/** A mutation and its answer, by a clock that counts the publishes of the relay. */
interface Answered {
  readonly key: string;
  readonly epoch: string;
  readonly at: bigint;
  readonly replayed: boolean;
  /** Publishes that had begun when it was sent, the last time. */
  readonly sentAfterPublishes: number;
  readonly phase: Phase;
}
/** When a mutation was sent and answered: wholly before the kill, wholly after the promotion, or neither. */
type Phase = 'before' | 'between' | 'after';

describe('the promotion of a standby', () => {
  let pair: PairOfServers;
  let pool: Pool;
  let workers: Pool;
  let log: LogOnTheTable;
  let batches: string[][];
  let relay: Relay;
  let store: EventStore;
  let settled: SettledPositions;
  let epochs: Epochs;
  let phase: Phase;
  let isOver: boolean;
  const refusals = new Set<string | null>();

  const begin = async (synchronous: boolean) => {
    pair = await PairOfServers.start({ synchronous });
    pool = openPool(pair.appUrl, { max: 8, applicationName: 'spec' });
    askOnConnect(pool);
    workers = openPool(pair.workerUrl, { max: 4, applicationName: 'spec worker' });
    log = new LogOnTheTable();
    batches = [];
    log.taken = (messages) => Promise.resolve(void batches.push(messages.map(({ headers }) => headers['ce_id']!)));
    relay = newRelay();
    store = new EventStore({
      pool,
      service: 'notes',
      publish: (fact) => ({ topic: 'note.written', key: fact.streamId, body: JSON.stringify(fact.event.data) }),
      valueBytesMax: 10_000,
      catalogue: PLATFORM_PROBLEMS,
      committed: () => relay.poke(),
    });
    settled = new SettledPositions(workers);
    epochs = new Epochs(workers);
    phase = 'before';
    isOver = false;
  };
  const newRelay = () =>
    new Relay({
      databaseUrl: pair.workerUrl,
      pool: workers,
      service: 'notes',
      log: log as unknown as EventLog,
      logger: createLogger({ name: 'spec', level: 'silent' }),
    });
  afterEach(async () => {
    isOver = true;
    await relay.stop();
    await Promise.all([pool.end(), workers.end()]);
    await pair.stop();
  });

  const rows = <Row extends object>(sql: string) => asked<Row>(pair.superuserUrl, sql);
  const facts = () =>
    rows<{ id: string; at: string; stream_id: string; key: string }>(
      `select id, position::text as at, stream_id, metadata->>'idempotency_key' as key from events order by stream_id collate "C", version`,
    );
  const epochRows = () => rows<{ tag: string; begins_after: string }>('select tag, begins_after::text from epochs order by ordinal');

  const write = (request: CommandRequest, id: string, version: number): Promise<RecordedAnswer> => {
    const decide = (loaded: { id: string; version: number; state: Note | null }): Decision => {
      const change = record(notes, loaded, [{ type: 'note.written', data: { text: `${loaded.version + 1}` } }]);
      return { changes: [change], answer: { status: 200, body: change.after } };
    };
    if (version === 0) return store.create(request, () => decide(fresh<Note>(id)));
    return store.change(request, notes, id, (_, loaded) => decide(loaded));
  };

  /** Repeats what is not answered, under its key, as every client should; only an outage is no answer. Null when the work ended before one came. */
  const insist = async (request: CommandRequest, id: string, version: number): Promise<Answered | null> => {
    while (!isOver) {
      const [sentAfterPublishes, sentIn] = [batches.length, phase];
      try {
        const { status, headers } = await write(request, id, version);
        expect(status).toBe(200);
        const [epoch, at] = headers['works-position']!.replace('notes:', '').split('.') as [string, string];
        return {
          key: request.idempotencyKey,
          epoch,
          at: BigInt(at),
          replayed: headers['idempotent-replayed'] === 'true',
          sentAfterPublishes,
          phase: sentIn === phase ? phase : 'between',
        };
      } catch (error) {
        if (!isOutage(error)) throw error;
        refusals.add(sqlState(error));
        await delay(REPEAT_AFTER_MS);
      }
    }
    return null;
  };

  const keepWriting = async (answered: Answered[]): Promise<void> => {
    const caller = aCaller();
    for (let id = newId('note'), version = 0; !isOver; version++) {
      if (version === VERSIONS_MAX) [id, version] = [newId('note'), 0];
      const answer = await insist(aCommand({ caller }), id, version);
      if (answer !== null) answered.push(answer);
    }
  };

  // What was answered is on the standby, so nobody can tell afterwards that there was another server, but for the epoch and the pause.
  it('loses nothing that was answered under load, and publishes it in order, once the relay leads again', async () => {
    await begin(true);
    relay.start();
    const answered: Answered[] = [];
    const writers = Array.from({ length: WRITERS }, () => keepWriting(answered));
    await eventually(() => expect(batches.length).toBeGreaterThan(20));
    await settled.through();
    await epochs.standing(answered.at(-1)!);
    const before = await epochRows();

    await eventually(() => expect(relay.isLeader).toBe(true));
    await pair.killPrimary();
    phase = 'between';
    await eventually(() => expect(relay.isLeader).toBe(false));
    const [answeredBefore, publishedBefore] = [answered.length, batches.length];
    // Whoever switches the address first has the services meet a server that cannot write yet.
    pair.leadToStandby();
    await eventually(() => expect(refusals).toContain(READ_ONLY));
    await pair.promote();
    phase = 'after';
    const promotedAt = performance.now();
    await eventually(() => expect(answered.length).toBeGreaterThan(answeredBefore));
    const answeredAfterMs = performance.now() - promotedAt;
    await eventually(() => expect(batches.length).toBeGreaterThan(publishedBefore));
    const publishedAfterMs = performance.now() - promotedAt;
    expect(relay.isLeader).toBe(true);
    await eventually(() => expect(batches.length).toBeGreaterThan(publishedBefore + 20));
    isOver = true;
    await Promise.all(writers);
    await eventually(async () => expect(await rows('select from outbox')).toHaveLength(0));

    // Each once.
    const stored = await facts();
    const keys = stored.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(answered.filter(({ key }) => !keys.includes(key))).toEqual([]);
    expect(await rows('select key from idempotency_keys')).toHaveLength(keys.length);

    // Published, and each stream in its order.
    const firstAt = new Map<string, number>();
    log.ids.forEach((id, index) => firstAt.set(id, firstAt.get(id) ?? index));
    expect([...firstAt.keys()].sort()).toEqual(stored.map(({ id }) => id).sort());
    const places = new Map<string, number[]>();
    for (const { stream_id, id } of stored) places.set(stream_id, [...(places.get(stream_id) ?? []), firstAt.get(id)!]);
    expect([...places.values()].filter((each) => each.some((place, index) => place < (each[index - 1] ?? -1)))).toEqual([]);

    // A batch's deletion was answered before the next publish began; whatever was committed after that took it along to the standby.
    const committed = answered.filter(({ phase: when, replayed }) => when === 'before' && !replayed);
    const durable = Math.max(...committed.map(({ sentAfterPublishes }) => sentAfterPublishes)) - 1;
    const repeated = new Set(log.ids.filter((id, index) => firstAt.get(id) !== index));
    expect(batches.slice(0, durable).flatMap((batch) => batch.filter((id) => repeated.has(id)))).toEqual([]);

    // Another history began, and it holds all of the former.
    const [first, second, ...others] = (await epochRows()).slice(before.length - 1);
    expect([first, others]).toEqual([before.at(-1), []]);
    const told = (when: Phase) => answered.filter((each) => each.phase === when);
    expect(new Set(told('before').map(({ epoch }) => epoch))).toEqual(new Set([first!.tag]));
    const anew = told('after').filter(({ replayed }) => !replayed);
    expect(new Set(anew.map(({ epoch }) => epoch))).toEqual(new Set([second!.tag]));
    expect(anew.filter(({ at }) => at <= BigInt(second!.begins_after))).toEqual([]);
    for (const each of answered) expect(await epochs.standing(each)).toBe(each.at);
    const newest = stored.reduce((most, { at }) => (BigInt(at) > most ? BigInt(at) : most), 0n);
    expect(BigInt(await settled.through())).toBeGreaterThanOrEqual(newest);

    process.stderr.write(
      `${stored.length} facts, ${repeated.size} published twice; after the promotion: the first answer in ${Math.round(answeredAfterMs)} ms, the first publication in ${Math.round(publishedAfterMs)} ms\n`,
    );
  });

  // Numbers of the lost history are given to others. The epoch tells them apart from the first fact on, whoever else has noticed or not.
  it('without the last facts tells nobody a number of theirs as one of theirs, and publishes what follows under the same numbers', async () => {
    await begin(false);
    relay.start();
    const caller = aCaller();
    const writeOne = async () => (await insist(aCommand({ caller }), newId('note'), 0))!;
    const kept = await writeOne();
    await eventually(async () =>
      expect(
        await asked(pair.standby.url.replace(/[^/]+$/, new URL(pair.superuserUrl).pathname.slice(1)), 'select from events'),
      ).toHaveLength(1),
    );
    await pair.cutReplication();
    // More than the numbers that a sequence takes in advance.
    const lost: Answered[] = [];
    for (let count = 0; count < 80; count++) lost.push(await writeOne());
    await eventually(() => expect(new Set(log.ids).size).toBe(81));
    await relay.stop();
    const repair = { isPending: () => Promise.resolve(false) } as RelayRepair;
    const published = new Published({ pool: workers, relay, repair, epochs, service: 'notes', database: new TenantDatabase(workers) });
    const newestLost = lost.at(-1)!;
    const before = await epochRows();
    expect(await epochs.standing(newestLost)).toBe(newestLost.at);

    await pair.killPrimary();
    await pair.promote();
    pair.leadToStandby();
    phase = 'after';
    const anew: Answered[] = [];
    for (let count = 0; count < 20; count++) anew.push(await writeOne());

    const [former, present, ...others] = (await epochRows()).slice(before.length - 1);
    expect(others).toEqual([]);
    const beganAfter = BigInt(present!.begins_after);
    expect(new Set(anew.map(({ epoch }) => epoch))).toEqual(new Set([present!.tag]));
    expect(anew.filter(({ at }) => at <= beganAfter)).toEqual([]);
    expect(lost.filter(({ at }) => anew.some((other) => other.at === at)).length).toBeGreaterThan(0);
    expect(new Set(lost.map(({ epoch }) => epoch))).toEqual(new Set([former!.tag]));

    // What follows a lost place is what the new history has in its stead.
    relay = newRelay();
    relay.start();
    const ids = (await facts()).map(({ id }) => id);
    await eventually(() => expect(log.ids).toEqual(expect.arrayContaining(ids)));
    await eventually(async () => expect(await rows('select from outbox')).toHaveLength(0));
    const after = await published.after(newestLost, 100);
    expect(after.epoch).toBe(present!.tag);
    const anewIds = (await facts()).filter(({ at }) => BigInt(at) > beganAfter).map(({ id }) => id);
    expect(after.data.map(({ id }) => id).sort()).toEqual(anewIds.sort());

    expect(await epochs.standing(kept)).toBe(kept.at);
    for (const each of lost) expect((await epochs.standing(each))!).toBeLessThanOrEqual(beganAfter);
    for (const each of anew) expect(await epochs.standing(each)).toBe(each.at);
  });
});
