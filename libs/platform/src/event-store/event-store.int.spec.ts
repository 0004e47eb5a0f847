import type { Pool } from 'pg';
import { RuleViolation } from '../errors';
import { newId } from '../ids';
import { openPool } from '../postgres';
import { PLATFORM_PROBLEMS, Problem } from '../problems';
import { TenantDatabase } from '../tenancy';
import { aCaller, aCommand, testDatabase } from '../testing';
import { EventStore, fresh, record, type Aggregate, type CommandRequest, type Decision } from '.';

type NoteEvent = { type: 'note.written'; data: { text: string } } | { type: 'note.edited'; data: { text: string } };
interface Note {
  text: string;
  edits: number;
}
const notes: Aggregate<Note, NoteEvent> = {
  table: 'notes',
  evolve: (note, event) => ({ text: event.data.text, edits: note === null ? 0 : note.edits + 1 }),
};

const write = (id: string, text: string): Decision => {
  const change = record(notes, fresh<Note>(id), [{ type: 'note.written', data: { text } }]);
  return { changes: [change], answer: { status: 201, body: { id, ...change.after }, version: 1, location: `/notes/${id}` } };
};

describe('the event store', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let pool: Pool;
  let owner: Pool;
  let store: EventStore;

  beforeAll(async () => {
    database = await testDatabase('platform');
    pool = openPool(database.appUrl, { max: 4, applicationName: 'spec' });
    owner = openPool(database.superuserUrl, { max: 2, applicationName: 'spec' });
    store = storeOn(pool);
  });

  afterAll(async () => {
    await pool.end();
    await owner.end();
    await database.drop();
  });

  const storeOn = (on: Pool) =>
    new EventStore({
      pool: on,
      service: 'notes',
      publish: (fact) => ({ topic: fact.event.type, key: fact.streamId, body: JSON.stringify(fact.event.data) }),
      valueBytesMax: 1_000,
      catalogue: { ...PLATFORM_PROBLEMS, note_sealed: { status: 409, title: 'The note is sealed', retryable: false } },
      committed: () => undefined,
    });

  const edit = (request: CommandRequest, id: string, text: string, on = store) =>
    on.change(request, notes, id, (note, loaded) => {
      if (text === 'sealed') throw new RuleViolation('note_sealed', 'A sealed note cannot be edited.');
      const change = record(notes, loaded, [{ type: 'note.edited', data: { text } }]);
      return { changes: [change], answer: { status: 200, body: change.after, version: loaded.version + 1 } };
    });

  const count = async (table: string, where: string, value: string) =>
    Number((await owner.query(`select count(*) from ${table} where ${where} = $1`, [value])).rows[0].count);

  const theProblem = async (promise: Promise<unknown>): Promise<Problem> => {
    const error: unknown = await promise.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Problem);
    return error as Problem;
  };

  // The record of the key commits with the effect: a retry gets the very same bytes, and nothing happens twice.
  it('answers a repeated request with the same bytes', async () => {
    const id = newId('note');
    const request = aCommand();
    const first = await store.create(request, () => write(id, 'hello'));
    const again = await store.create(request, () => write(newId('note'), 'hello'));
    expect(again).toEqual({ ...first, headers: { ...first.headers, 'idempotent-replayed': 'true' } });
    expect(await count('events', 'stream_id', id)).toBe(1);
  });

  it('refuses the key for another request', async () => {
    const request = aCommand();
    await store.create(request, () => write(newId('note'), 'hello'));
    const problem = await theProblem(store.create({ ...request, fingerprint: 'another' }, () => write(newId('note'), 'other')));
    expect(problem.code).toBe('idempotency_key_reused');
  });

  // The same key in the other mode or at another organization is another key.
  it('keeps keys apart by organization and mode', async () => {
    const request = aCommand();
    await store.create(request, () => write(newId('note'), 'live'));
    const other = { ...request, caller: { ...request.caller, livemode: !request.caller.livemode } };
    const answer = await store.create(other, () => write(newId('note'), 'test'));
    expect(answer.headers['idempotent-replayed']).toBeUndefined();
  });

  // Guarantees that a rule which read other rows gets to look again, instead of an error, when those have changed.
  it('decides again when a unique index says that somebody was first', async () => {
    const caller = aCaller();
    const [first, second] = [newId('note'), newId('note')];
    await owner.query("create unique index notes_text on notes ((state->>'text')) where state->>'text' like 'seat %'");
    await store.create(aCommand({ caller }), () => write(first, 'seat 1'));
    let decisions = 0;
    const answer = await store.create(aCommand({ caller }), () => write(second, `seat ${++decisions}`), {
      lostRace: { constraint: 'notes_text', decisionsMax: 2 },
    });
    expect(JSON.parse(answer.body)).toMatchObject({ text: 'seat 2' });
    const change = store.change(
      aCommand({ caller }),
      notes,
      second,
      (_, loaded) => {
        const record2 = record(notes, loaded, [{ type: 'note.edited', data: { text: 'seat 1' } }]);
        return { changes: [record2], answer: { status: 200, body: {} } };
      },
      { refusal: (constraint) => new RuleViolation('note_sealed', constraint) },
    );
    expect((await change).status).toBe(409);
  });

  it('decides again, and refuses nothing, when what stood in the way is gone once it is looked for', async () => {
    const caller = aCaller();
    const first = newId('note');
    await owner.query("create unique index notes_desk on notes ((state->>'text')) where state->>'text' like 'desk %'");
    await store.create(aCommand({ caller }), () => write(first, 'desk 1'));
    const leave = () =>
      store.change(aCommand({ caller }), notes, first, (_, loaded) => {
        const left = record(notes, loaded, [{ type: 'note.edited', data: { text: 'at home' } }]);
        return { changes: [left], answer: { status: 200, body: {} } };
      });
    const answer = await store.create(aCommand({ caller }), () => write(newId('note'), 'desk 1'), {
      refusal: async () => {
        await leave();
        return 'decide_again' as const;
      },
    });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([201, expect.objectContaining({ text: 'desk 1' })]);
  });

  it('decides again when a statement of the same transaction finds that what was decided on has changed', async () => {
    await owner.query(`create function out_of_date(p_is boolean) returns void language plpgsql as
      $$ begin if p_is then raise exception 'changed' using errcode = 'serialization_failure'; end if; end $$`);
    let decisions = 0;
    const id = newId('note');
    const answer = await store.create(aCommand(), () => ({
      ...write(id, `try ${++decisions}`),
      statements: [{ text: 'select out_of_date($1)', values: [decisions === 1] }],
    }));
    expect(JSON.parse(answer.body)).toMatchObject({ text: 'try 2' });
    expect(await count('events', 'stream_id', id)).toBe(1);
  });

  // Fifty twins, in two processes' worth of stores: one effect, fifty equal answers.
  it('lets fifty concurrent twins have one effect', async () => {
    const id = newId('note');
    const request = aCommand();
    const elsewhere = storeOn(pool);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 ? store : elsewhere).create(request, () => write(index === 0 ? id : newId('note'), 'hello')),
      ),
    );
    expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] !== 'true')).toHaveLength(1);
    const keys = await owner.query('select count(*) from events where metadata->>$1 = $2', ['idempotency_key', request.idempotencyKey]);
    expect(Number(keys.rows[0].count)).toBe(1);
  });

  // Twenty who want the next place at the same instant get one each: more than the turns that any lost race gives.
  it('lets those who lose a place in a row decide again until they have the next', async () => {
    await owner.query(
      'create table places (place integer constraint places_one primary key); grant select, insert on places to works_service',
    );
    const take = async (on: EventStore) => {
      const decide = async (): Promise<Decision> => {
        const { rows } = await pool.query<{ next: number }>('select coalesce(max(place), 0) + 1 as next from places');
        const { next } = rows[0]!;
        const statements = [{ text: 'insert into places values ($1)', values: [next] }];
        return { changes: [], statements, answer: { status: 201, body: { place: next } } };
      };
      const answer = await on.create(aCommand(), decide, { lostRace: { constraint: 'places_one', decisionsMax: 20 } });
      return (JSON.parse(answer.body) as { place: number }).place;
    };
    const elsewhere = storeOn(pool);
    const places = await Promise.all(Array.from({ length: 20 }, (_, index) => take(index % 2 ? store : elsewhere)));
    expect(places.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('lets one of ten bodies under one key through', async () => {
    const request = aCommand();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        store.create({ ...request, fingerprint: `body ${index}` }, () => write(newId('note'), `body ${index}`)),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [(outcome.reason as Problem).code] : []));
    expect(refused).toEqual(Array(9).fill('idempotency_key_reused'));
  });

  // Twins wait in memory: with 200 of them behind one slow request, the pool of four still serves others.
  it('keeps connections free while twins wait', async () => {
    const request = aCommand();
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = store.create(request, async () => {
      await held;
      return write(newId('note'), 'slow');
    });
    const twins = Array.from({ length: 200 }, () => store.create(request, () => write(newId('note'), 'slow')));
    const others = await Promise.all(Array.from({ length: 8 }, () => store.create(aCommand(), () => write(newId('note'), 'quick'))));
    expect(others.every((answer) => answer.status === 201)).toBe(true);
    release();
    const answers = await Promise.all([slow, ...twins]);
    expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
  });

  // A refusal of the rules is an answer like any other: the same request gets it again, although the rule would now say yes.
  it('remembers a refusal of the rules', async () => {
    const id = newId('note');
    const caller = aCaller();
    await store.create(aCommand({ caller }), () => write(id, 'hello'));
    const request = aCommand({ caller });
    const refused = await edit(request, id, 'sealed');
    expect(refused.status).toBe(409);
    const again = await store.change(request, notes, id, () => {
      throw new Error('must not be decided again');
    });
    expect(again.body).toBe(refused.body);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(await count('events', 'stream_id', id)).toBe(1);
  });

  it('remembers nothing of a failure that changed nothing', async () => {
    const request = aCommand();
    await expect(store.create(request, () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
    const answer = await store.create(request, () => write(newId('note'), 'hello'));
    expect(answer.status).toBe(201);
    expect(answer.headers['idempotent-replayed']).toBeUndefined();
  });

  // Optimistic concurrency: every one of twenty racing writers decides on what the one before it left.
  it('loses no update among racing writers', async () => {
    const id = newId('note');
    const caller = aCaller();
    await store.create(aCommand({ caller }), () => write(id, 'hello'));
    const elsewhere = storeOn(pool);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => edit(aCommand({ caller }), id, `edit ${index}`, index % 2 ? store : elsewhere)),
    );
    const edits = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
    const { rows } = await owner.query('select version, state from notes where id = $1', [id]);
    expect(rows[0]).toEqual({ version: edits + 1, state: expect.objectContaining({ edits }) });
    expect(await count('events', 'stream_id', id)).toBe(edits + 1);
  });

  // A service's own trigger sees what another transaction has just committed; what was decided without it is decided again with it.
  it('decides again when the database says that something changed meanwhile', async () => {
    await owner.query(`create sequence tries;
      create function change_meanwhile() returns trigger language plpgsql as $$
      begin
        -- A sequence is not rolled back: the first try fails, the second finds the change.
        if nextval('tries') = 1 then raise exception 'changed meanwhile' using errcode = 'serialization_failure'; end if;
        return null;
      end $$;
      grant usage on sequence tries to works_service;
      create trigger changed_meanwhile after insert on notes for each row when (new.state->>'text' = 'meanwhile') execute function change_meanwhile()`);
    const id = newId('note');
    let decisions = 0;
    const answer = await store.create(aCommand(), () => {
      decisions += 1;
      return write(id, 'meanwhile');
    });
    expect([answer.status, decisions, await count('events', 'stream_id', id)]).toEqual([201, 2, 1]);
  });

  it('honours If-Match', async () => {
    const id = newId('note');
    const caller = aCaller();
    await store.create(aCommand({ caller }), () => write(id, 'hello'));
    expect((await edit(aCommand({ caller, ifMatch: [1] }), id, 'second')).status).toBe(200);
    const problem = await theProblem(edit(aCommand({ caller, ifMatch: [1] }), id, 'third'));
    expect(problem.code).toBe('version_conflict');
  });

  // Guarantees that a stranger cannot learn whether a note exists: the answer is 404, never 403.
  it('hides another tenant’s aggregate', async () => {
    const id = newId('note');
    const caller = aCaller();
    await store.create(aCommand({ caller }), () => write(id, 'hello'));
    const stranger = await theProblem(edit(aCommand(), id, 'mine now'));
    const otherMode = await theProblem(edit(aCommand({ caller: { ...caller, livemode: !caller.livemode } }), id, 'mine now'));
    const unknown = await theProblem(edit(aCommand(), newId('note'), 'mine now'));
    expect([stranger.code, otherMode.code]).toEqual([unknown.code, unknown.code]);
    expect([stranger.message, otherMode.message]).toEqual([unknown.message, unknown.message]);
  });

  it('shows no row to a session without a tenant, and lets it write none', async () => {
    await store.create(aCommand(), () => write(newId('note'), 'hello'));
    for (const table of ['events', 'notes', 'idempotency_keys', 'inbox']) {
      expect((await pool.query(`select count(*) from ${table}`)).rows[0].count).toBe('0');
    }
    await expect(
      pool.query("insert into notes (id, organization_id, livemode, version, state) values ('x', 'org_x', true, 1, '{}')"),
    ).rejects.toThrow('row-level security');
  });

  it('refuses an event that the log could not carry before anything is stored', async () => {
    const id = newId('note');
    const problem = await theProblem(store.create(aCommand(), () => write(id, 'x'.repeat(1_001))));
    expect(problem.code).toBe('event_too_large');
    expect(await count('events', 'stream_id', id)).toBe(0);
  });

  // The document is a projection written in the same transaction: folding the stream must give the very same state.
  it('keeps documents equal to their history', async () => {
    const { rows } = await owner.query<{ id: string; version: number; state: Note }>('select id, version, state from notes');
    expect(rows.length).toBeGreaterThan(0);
    for (const document of rows) {
      const history = await owner.query<NoteEvent>('select type, data from events where stream_id = $1 order by version', [document.id]);
      const folded = history.rows.reduce<Note | null>((state, event) => notes.evolve(state, event), null);
      expect({ version: history.rows.length, state: folded }).toEqual({ version: document.version, state: document.state });
    }
  });

  it('serves one tenant at a time to a reader', async () => {
    const mine = aCaller();
    const id = newId('note');
    await store.create(aCommand({ caller: mine }), () => write(id, 'hello'));
    const reader = new TenantDatabase(pool);
    expect(await reader.query(mine, 'select id from notes')).toEqual([{ id }]);
    expect(await reader.query(aCaller(), 'select id from notes')).toEqual([]);
  });
});
