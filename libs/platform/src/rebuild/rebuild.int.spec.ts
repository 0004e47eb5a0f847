import * as fc from 'fast-check';
import type { Pool } from 'pg';
import { EventStore, fresh, record, type Aggregate, type Decision } from '../event-store';
import { newId } from '../ids';
import { openPool } from '../postgres';
import { PLATFORM_PROBLEMS } from '../problems';
import { TenantDatabase } from '../tenancy';
import { aCaller, aCommand, testDatabase, type TestDatabase } from '../testing';
import { Rebuild, type Difference } from '.';

type NoteEvent = { type: 'note.written'; data: { text: string } } | { type: 'note.edited'; data: { text: string } };
interface Note {
  text: string;
  edits: number;
}
const notes: Aggregate<Note, NoteEvent> = {
  table: 'notes',
  evolve: (note, event) => ({ text: event.data.text, edits: note === null ? 0 : note.edits + 1 }),
};

describe('a rebuild', () => {
  const caller = aCaller();
  let database: TestDatabase;
  let pool: Pool;
  let workers: Pool;
  let owner: Pool;
  let store: EventStore;

  beforeEach(async () => {
    database = await testDatabase('platform');
    pool = openPool(database.appUrl, { max: 4, applicationName: 'spec' });
    workers = openPool(database.workerUrl, { max: 2, applicationName: 'spec' });
    owner = openPool(database.superuserUrl, { max: 1, applicationName: 'spec' });
    store = new EventStore({
      pool,
      service: 'notes',
      publish: () => null,
      valueBytesMax: 1_000,
      catalogue: PLATFORM_PROBLEMS,
      committed: () => undefined,
    });
  });
  afterEach(async () => {
    await Promise.all([pool.end(), workers.end(), owner.end()]);
    await database.drop();
  });

  const decided = (change: ReturnType<typeof record<Note, NoteEvent>>): Decision => ({
    changes: [change],
    answer: { status: 200, body: {} },
  });
  const write = async (text = 'One', by = caller): Promise<string> => {
    const id = newId('nte');
    await store.create(aCommand({ caller: by }), () => decided(record(notes, fresh<Note>(id), [{ type: 'note.written', data: { text } }])));
    return id;
  };
  const edit = (id: string, text: string, by = caller) =>
    store.change(aCommand({ caller: by }), notes, id, (_, loaded) =>
      decided(record(notes, loaded, [{ type: 'note.edited', data: { text } }])),
    );

  async function rebuild({ check = false, eventsMax = 2, progress = () => undefined } = {}) {
    const found: Difference[] = [];
    const aggregates = { nte: notes };
    const differs = (difference: Difference) => void found.push(difference);
    const options = { workers, database: new TenantDatabase(pool), aggregates, check, differs, progress, eventsMax };
    return { ...(await new Rebuild(options).run()), found };
  }
  const documents = async () => (await owner.query<{ row: string }>('select n::text as row from notes n order by id')).rows;
  const tamper = (id: string, sql: string) => owner.query(`update notes set ${sql} where id = $1`, [id]);

  it('gives the same documents byte for byte, whatever happened to whomever', async () => {
    const history = fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 5 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(history, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 4 }), async (histories, eventsMax) => {
        for (const edits of histories) {
          const by = aCaller();
          const id = await write('One', by);
          for (const text of edits) await edit(id, text, by);
        }
        const before = await documents();
        expect((await rebuild({ check: true, eventsMax })).found).toEqual([]);
        await owner.query(`update notes set state = '{}', version = version + 1 where random() < 0.5`);
        await owner.query('delete from notes where random() < 0.3');
        await rebuild({ eventsMax });
        expect(await documents()).toEqual(before);
      }),
      { numRuns: 10 },
    );
  });

  it('finds exactly what was planted when it only checks, and changes nothing', async () => {
    const [right, state, version, missing] = [await write(), await write(), await write(), await write()];
    for (const id of [right, state, version, missing]) await edit(id, 'Two');
    await tamper(state, `state = state || '{"edits": 7}'`);
    await tamper(version, 'version = 9');
    await owner.query('delete from notes where id = $1', [missing]);
    const untold = newId('nte');
    await owner.query(`insert into notes values ($1, $2, $3, 1, '{}')`, [untold, caller.organizationId, caller.livemode]);
    const before = await documents();

    const { found, ...summary } = await rebuild({ check: true });

    expect(found).toHaveLength(4);
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ stream: state, kind: 'state', mended: false }),
        expect.objectContaining({ stream: version, kind: 'version', detail: 'version 9 of 2' }),
        expect.objectContaining({ stream: missing, kind: 'missing' }),
        expect.objectContaining({ stream: untold, kind: 'untold' }),
      ]),
    );
    expect(summary).toEqual({ streams: 4, events: 8, differences: 4, mended: 0 });
    expect(await documents()).toEqual(before);
  });

  it('mends what differs, and says of what it cannot', async () => {
    const id = await write();
    const before = await documents();
    await tamper(id, `state = '{}'`);
    await owner.query(
      `insert into events (organization_id, livemode, id, stream_id, version, type, data, metadata, occurred_at)
         values ($1, $2, 'evt_x', 'xyz_1', 1, 'xyz.made', '{}', '{}', now())`,
      [caller.organizationId, caller.livemode],
    );

    expect((await rebuild()).found).toEqual([
      expect.objectContaining({ stream: id, kind: 'state', mended: true }),
      expect.objectContaining({ stream: 'xyz_1', kind: 'unreadable', mended: false }),
    ]);
    expect(await documents()).toEqual(before);
  });

  // Guarantees that no write is lost to a rebuild, and that none is taken for a difference.
  it('goes on while others write', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => write()));
    const right = ids.slice(10);
    let writing = true;
    const writers = [0, 1].map(async (writer) => {
      for (let round = 0; writing; round++) await edit(ids[(round * 2 + writer) % ids.length]!, `${writer} ${round}`);
    });
    for (let round = 0; round < 5; round++) {
      await tamper(ids[round]!, `state = '{"text": "wrong", "edits": 0}'`);
      const { found } = await rebuild();
      expect(found.filter(({ stream }) => right.includes(stream))).toEqual([]);
    }
    writing = false;
    await Promise.all(writers);
    await rebuild();
    expect((await rebuild({ check: true })).found).toEqual([]);
  });

  it('can be interrupted and run again', async () => {
    const ids = [await write(), await write(), await write(), await write()];
    const before = await documents();
    for (const id of ids) await tamper(id, `state = '{}'`);
    const interrupted = rebuild({
      progress: () => {
        throw new Error('the power is out');
      },
    });
    await expect(interrupted).rejects.toThrow('the power is out');
    expect((await rebuild()).found.length).toBeLessThan(ids.length);
    expect(await documents()).toEqual(before);
  });
});
