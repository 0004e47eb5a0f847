import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { appendStatement, type Append } from '../event-store/append-statement';
import { postgresClient, type PostgresClient } from '../testing/postgres-client';
import { EmbeddedServer } from './embedded-server';
import { migrate } from './migrate';
import { BACKUP_ROLE, DATABASES, LOGIN_KINDS, loginRole, provision, type DatabaseName } from './provision';

const roles = [BACKUP_ROLE, ...DATABASES.flatMap((database) => LOGIN_KINDS.map((kind) => loginRole(database, kind)))];
const passwords = Object.fromEntries(roles.map((role) => [role, `secret of ${role}`]));

/** What text can hold that a format in between could spoil. */
const AWKWARD = `it's "quoted" \\ \\N \\. \t a\nb, {x} 🛠 ünïcode $$ --`;
/** Beyond what 32 bits hold, with and without a sign. */
const LATE_POSITION = 2 ** 32 + 7;

const change = (table: string, id: string, state: object): Append =>
  ({
    tenant: { organizationId: 'org_1', livemode: true },
    metadata: JSON.stringify({ note: AWKWARD }),
    occurredAt: new Date('2026-11-20T10:00:00.123Z'),
    remembered: { status: 201, headers: { location: `/x/${id}` }, body: JSON.stringify(state), idempotencyKey: id, fingerprint: 'f' },
    facts: [
      {
        id: `evt_${id}`,
        streamId: id,
        version: 1,
        event: { type: 'x.created', data: state },
        storedType: 'x.created',
        told: { topic: 'x.created', key: id, body: JSON.stringify(state) },
        metadata: JSON.stringify({ note: AWKWARD }),
        previousAt: null,
      },
    ],
    changes: [{ aggregate: { table }, id, expectedVersion: 0, events: [{}], after: state }],
  }) as unknown as Append;

const task = (id: string, more: object = {}) =>
  change('tasks', id, {
    id,
    title: AWKWARD,
    status: 'open',
    time_zone: 'Asia/Kolkata',
    project_id: 'prj_1',
    overdue_at: '2026-12-02T00:00:00.000Z',
    depends_on: [],
    metadata: { po: '4711', note: AWKWARD },
    ...more,
  });

/** Mutations as the services make them; and in SQL, what does not come of them and has rules of its own about what may stand there. */
const ROWS: Record<DatabaseName, { appends: Append[]; sql: string }> = {
  gateway: {
    appends: [],
    sql: `insert into organizations (id, name) values ('org_1', ${escapeLiteral(AWKWARD)});
      insert into api_keys (id, organization_id, livemode, hash, hint, scopes)
        values ('key_1', 'org_1', true, sha256('x'), 'abcd', '{tasks:read,"a,b"}'), ('key_2', 'org_1', false, sha256('y'), 'efgh', '{}')`,
  },
  log: {
    appends: [],
    sql: `select works_log_publish('{a,b,a}', '{1,2,3}', array['{}', ${escapeLiteral(AWKWARD)}, ''], '{"{}","{}","{}"}')`,
  },
  projects: {
    appends: [
      change('projects', 'prj_1', { id: 'prj_1', name: AWKWARD, status: 'active', owner_id: 'usr_1', metadata: { po: '4711' } }),
      change('milestones', 'mst_1', { id: 'mst_1', project_id: 'prj_1', position: 1, status: 'pending' }),
    ],
    sql: `insert into project_tasks (task_id, organization_id, livemode, project_id, title, status, version, created_at)
      values ('tsk_1', 'org_1', true, 'prj_1', ${escapeLiteral(AWKWARD)}, 'open', 1, '0044-03-15 BC'), ('tsk_2', 'org_1', true, 'prj_1', '', 'completed', 2, 'infinity')`,
  },
  tasks: {
    appends: [
      task('tsk_1'),
      task('tsk_2', { due_on: '2026-12-01', overdue_told_for: '2026-12-02T00:00:00.000Z' }),
      task('tsk_3', { due_at: '2026-12-01T20:00:00Z' }),
    ],
    sql: `insert into project_references (project_id, organization_id, livemode, status, time_zone, version, milestone_ids)
      values ('prj_1', 'org_1', true, 'closed', 'UTC', 3, '{mst_1,mst_2}');
      insert into test_clocks (id, organization_id, livemode, version, state) values ('clk_1', 'org_1', false, 1, '{"offset_ms": ${LATE_POSITION}}')`,
  },
  webhooks: {
    appends: [],
    sql: `insert into webhook_endpoints (id, organization_id, livemode, url, events, max_in_flight, headers, secret, last_sequence, created_at, updated_at)
        values ('whk_1', 'org_1', true, 'https://example.com', '{task.*}', 8, '{}', 'sealed', ${LATE_POSITION}, now(), now());
      insert into replay_jobs (id, organization_id, livemode, kind, endpoint_id, filter, rate_per_second, status, place, through, total, created_at, updated_at)
        values ('rpl_1', 'org_1', true, 'events', 'whk_1', '{}', 10, 'paused', '', ${LATE_POSITION}, 1, now(), now());
      insert into event_log (organization_id, livemode, position, id, type, subject, occurred_at, body)
        values ('org_1', true, 1, works_first_event_id(current_date) || '1', 'task.created', 'tsk_1', now(), ${escapeLiteral(AWKWARD)}),
               ('org_1', true, ${LATE_POSITION}, 'evt_00000000001', 'task.created', 'tsk_1', '2001-01-01', '{}');
      insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, status, next_attempt_at, due_at, delivered_at, week)
        values ('dlv_1', 'org_1', true, 'whk_1', 'evt_1', 'task.created', 1, 1, 'pending', now(), 'infinity', null, null),
               ('dlv_2', 'org_1', true, 'whk_1', 'evt_2', 'task.created', 2, 2, 'delivered', null, now(), now(), works_week(now())),
               ('dlv_3', 'org_1', true, 'whk_1', 'evt_3', 'task.created', 3, 3, 'dead', null, now(), null, '2001-01-01');
      insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, duration_ms, timings)
        values ('att_1', 'org_1', true, 'dlv_2', 'whk_1', 1, now(), 0.1, '{}'), ('att_2', 'org_1', true, 'dlv_3', 'whk_1', 8, '2001-01-01', 'NaN', '{}')`,
  },
};

/** The immutable functions in PL/pgSQL, which name the schema in their body: a call of each, through every path that calls others. */
const IMMUTABLE: Record<string, string[]> = {
  instant_of: [`public.instant_of('2026-12-02T00:00:00Z')`],
  due_day_of: [
    `public.due_day_of('{"due_at": "2026-12-02T00:00:00Z", "time_zone": "UTC"}')`,
    `public.due_day_of('{"due_at": "2026-12-02T00:00:00Z", "time_zone": "Mars/Olympus"}')`,
  ],
  untold_overdue_at_of: [`public.untold_overdue_at_of('{"status": "open", "overdue_at": "2026-12-02T00:00:00Z"}')`],
  works_endpoint_wants: [
    `public.works_endpoint_wants('{}', '{"data.a": {"in": [1]}, "b": {"exists": true}}', null, '{"data": {"a": 1}, "b": 2}')`,
  ],
};

/** By the client programs of PostgreSQL, and by roles that are no superusers: a dump by the backup role, its restore by the database's owner. */
describe('a dump of each database', () => {
  const directory = mkdtempSync(join(tmpdir(), 'works-spec-dump-'));
  let server: EmbeddedServer;
  let client: PostgresClient;

  beforeAll(async () => {
    [server, client] = await Promise.all([EmbeddedServer.start({ directory: join(directory, 'postgres') }), postgresClient()]);
    await provision({ superuserUrl: server.url, passwords });
    const migrations = resolve(__dirname, '../../../../prisma');
    for (const name of DATABASES)
      await migrate({ url: urlOf(name, loginRole(name, 'owner')), directory: join(migrations, name, 'migrations') });
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  const urlOf = (name: DatabaseName, role: string, database = `works_${name}`) => server.urlOf(database, role, passwords[role]!);
  const asSuperuser = async <Result>(database: string, work: (connection: Client) => Promise<Result>): Promise<Result> => {
    const url = new URL(server.url);
    url.pathname = `/${database}`;
    const connection = new Client({ connectionString: url.href });
    await connection.connect();
    try {
      return await work(connection);
    } finally {
      await connection.end();
    }
  };

  it.each(DATABASES)('brings back every row, sequence, function, policy and grant of %s', async (name) => {
    const [before, copy, file] = [`works_${name}`, `copy_${name}`, join(directory, `${name}.dump`)];
    await asSuperuser(before, (connection) => fill(connection, name));
    await client('pg_dump', '--format=custom', `--file=${file}`, `--dbname=${urlOf(name, BACKUP_ROLE)}`);
    await asSuperuser('postgres', (connection) => connection.query(`create database ${copy} owner ${loginRole(name, 'owner')}`));
    await client('pg_restore', '--exit-on-error', `--dbname=${urlOf(name, loginRole(name, 'owner'), copy)}`, file);

    const [original, restored] = [await asSuperuser(before, contentOf), await asSuperuser(copy, contentOf)];
    expect(Object.keys(restored.tables)).toEqual(Object.keys(original.tables));
    expect(restored).toEqual(original);
    expect(await schemaOf(copy)).toEqual(await schemaOf(before));
  });

  it.each(DATABASES)('finds every function of %s independent of the search path of whoever calls it', async (name) => {
    await asSuperuser(`works_${name}`, async (connection) => {
      await connection.query(`set search_path = ''`);
      const { rows } = await connection.query<{ name: string; language: string; immutable: boolean; pinned: boolean; definition: string }>(`
        select p.proname as name, l.lanname as language, p.provolatile = 'i' as immutable, pg_get_functiondef(p.oid) as definition,
               exists (select from unnest(p.proconfig) as setting where setting like 'search\\_path=%') as pinned
          from pg_proc p join pg_language l on l.oid = p.prolang where p.pronamespace = 'public'::regnamespace`);
      expect(rows.length).toBeGreaterThan(0);
      for (const found of rows.filter(({ pinned }) => !pinned)) {
        // In SQL, the server resolves all names when it takes the definition.
        if (found.language === 'sql') await connection.query(found.definition);
        else {
          expect(`${found.name} ${found.immutable ? 'is immutable' : 'reaches tables'}`).toBe(`${found.name} is immutable`);
          expect(Object.keys(IMMUTABLE)).toContain(found.name);
          for (const call of IMMUTABLE[found.name]!) await connection.query(`select ${call}`);
        }
      }
    });
  });

  // Guarantees that a dump is whole or fails: the owner is bound by row-level security, and would leave out everybody's rows.
  it('is refused to a role that may not see every row', async () => {
    await expect(client('pg_dump', `--dbname=${urlOf('tasks', loginRole('tasks', 'owner'))}`)).rejects.toThrow(
      'query would be affected by row-level security policy',
    );
  });

  it('can be made by a role that changes nothing', async () => {
    const connection = new Client({ connectionString: urlOf('gateway', BACKUP_ROLE) });
    await connection.connect();
    await expect(connection.query('delete from organizations')).rejects.toThrow('permission denied');
    await connection.end();
  });

  /** What text there is of the schema; the keys that guard a script against foreign commands differ each time. */
  const schemaOf = async (database: string): Promise<string[]> => {
    const url = new URL(server.url);
    url.pathname = `/${database}`;
    return (await client('pg_dump', '--schema-only', `--dbname=${url.href}`)).split('\n').filter((line) => !/^\\(un)?restrict /.test(line));
  };
});

/** At least one row for every table. */
async function fill(connection: Client, name: DatabaseName): Promise<void> {
  for (const { sequence } of await sequencesOf(connection))
    await connection.query(
      `select setval($1::text::regclass, least(max_value, $2)) from pg_sequences where format('%I.%I', schemaname, sequencename) = $1`,
      [sequence, LATE_POSITION],
    );
  const { appends, sql } = ROWS[name];
  if (appends.length > 0) await connection.query(appendStatement(appends, 1_000));
  await connection.query(sql);
  for (const table of await tablesOf(connection, 'and not c.relispartition')) {
    const { rowCount } = await connection.query(`select from ${table} limit 1`);
    if (!rowCount) await insertAnything(connection, table);
  }
}

const ANYTHING: Record<string, string> = {
  text: escapeLiteral(AWKWARD),
  boolean: 'true',
  integer: '1',
  smallint: '1',
  bigint: String(LATE_POSITION),
  jsonb: `'{"a": [1, "b", null]}'`,
  'timestamp with time zone': `'2026-11-20T10:00:00.123456Z'`,
  xid8: `'${LATE_POSITION}'`,
};

/** A table with rules that this does not meet needs a row of its own in ROWS. */
async function insertAnything(connection: Client, table: string): Promise<void> {
  const { rows } = await connection.query<{ column: string; type: string; refers: string | null }>(
    `select quote_ident(a.attname) as column, format_type(a.atttypid, null) as type,
            (select format('(select %I from %s limit 1)', f.attname, k.confrelid::regclass)
               from pg_constraint k join pg_attribute f on f.attrelid = k.confrelid and f.attnum = k.confkey[1]
              where k.conrelid = a.attrelid and k.contype = 'f' and k.conkey = array[a.attnum]) as refers
       from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''
        and a.attnotnull and not a.atthasdef`,
    [table],
  );
  const insert = (livemode: string) => {
    const values = rows.map(({ column, type, refers }) => refers ?? (column === 'livemode' ? livemode : ANYTHING[type]));
    return connection.query(`insert into ${table} (${rows.map(({ column }) => column).join()}) values (${values.join()})`);
  };
  // What belongs to a test clock is refused in live mode.
  await insert('true').catch(() => insert('false'));
}

async function tablesOf(connection: Client, which = ''): Promise<string[]> {
  const { rows } = await connection.query<{ table: string }>(
    `select c.oid::regclass::text as table from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace ${which} order by c.oid::regclass::text collate "C"`,
  );
  return rows.map(({ table }) => table);
}

async function sequencesOf(connection: Client): Promise<{ sequence: string; last: string }[]> {
  const { rows } = await connection.query<{ sequence: string; last: string }>(
    `select format('%I.%I', schemaname, sequencename) as sequence, last_value::text as last from pg_sequences order by format('%I.%I', schemaname, sequencename) collate "C"`,
  );
  return rows;
}

interface Content {
  tables: Record<string, string[]>;
  sequences: { sequence: string; last: string }[];
}

/** Every row of every table, partitions among them, as text. */
async function contentOf(connection: Client): Promise<Content> {
  const tables: Record<string, string[]> = {};
  for (const table of await tablesOf(connection)) {
    const { rows } = await connection.query<{ row: string }>(
      `select r::text as row from ${escapeTable(table)} r order by r::text collate "C"`,
    );
    tables[table] = rows.map(({ row }) => row);
  }
  const parents = await tablesOf(connection, 'and not c.relispartition');
  expect(parents.filter((table) => tables[table]!.length === 0)).toEqual([]);
  return { tables, sequences: await sequencesOf(connection) };
}

const escapeTable = (table: string): string => (table.startsWith('"') ? table : escapeIdentifier(table));
