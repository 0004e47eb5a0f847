import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client, escapeIdentifier, type Pool } from 'pg';
import { Registry } from 'prom-client';
import type { EventLog } from '../event-log';
import { newId } from '../ids';
import { createLogger } from '../logging';
import { openPool } from '../postgres';
import { eventually, testDatabase } from '../testing';
import { Relay } from './relay';
import { LogOnTheTable } from './relay.examples';
import { RelayRepair } from './relay-repair';

const sqlFolder = resolve(__dirname, '../../sql/event-store');
const scripts = readdirSync(sqlFolder).sort();
const UPGRADE = '03-outbox.sql';

/** As the relay read before: its bare names, tx and position, meant the output columns, which are text. Here the order says so. */
const FAULTY = `select tx::text, position::text, id from events where (tx, position) > ($1::xid8, $2::bigint) and topic is not null
                 order by tx::text collate "C", position::text collate "C" limit 500`;

describe('the upgrade of a store whose relay sorted positions as text', () => {
  let spare: Awaited<ReturnType<typeof testDatabase>>;
  let owner: Pool;
  let workers: Pool;
  let name: string;
  let heard: Set<string>;
  let log: LogOnTheTable;

  // A store as it was before the upgrade, in a database of its own, with the roles of the others.
  beforeEach(async () => {
    spare = await testDatabase('platform');
    name = `spec_upgrade_${newId('db').slice(3).toLowerCase()}`;
    await onServer(`create database ${escapeIdentifier(name)} owner works_spec_owner`);
    owner = openPool(inDatabase(spare.ownerUrl), { max: 2, applicationName: 'spec' });
    workers = openPool(inDatabase(spare.workerUrl), { max: 3, applicationName: 'spec' });
    for (const script of scripts.filter((each) => each < UPGRADE)) await owner.query(readFileSync(join(sqlFolder, script), 'utf8'));
    await owner.query('alter table events no force row level security');
    heard = new Set();
    log = new LogOnTheTable();
  });

  afterEach(async () => {
    await Promise.all([owner.end(), workers.end()]);
    await onServer(`drop database ${escapeIdentifier(name)} with (force)`);
    await spare.drop();
  });

  const onServer = async (statement: string) => {
    const client = new Client({ connectionString: process.env['TEST_POSTGRES_URL'] });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  const inDatabase = (url: string) => {
    const other = new URL(url);
    other.pathname = `/${name}`;
    return other.href;
  };
  const commit = (first: number, count: number) =>
    owner.query(
      `insert into events (position, organization_id, livemode, id, stream_id, version, type, data, topic, log_key, public, metadata, occurred_at)
       overriding system value
       select n, 'org_a', true, 'evt_' || n, 'note_' || n, 1, 'note.written', '{}', 'note.written', 'note_' || n, '{}', '{}', now()
         from generate_series($1::integer, $1::integer + $2::integer - 1) n`,
      [first, count],
    );
  /** What the old relay does until it finds nothing more. */
  const publishFaultily = async () => {
    for (let checkpoint = ['0', '0']; ;) {
      const { rows } = await owner.query<{ tx: string; position: string; id: string }>(FAULTY, checkpoint);
      if (rows.length === 0) return;
      for (const { id } of rows) heard.add(id);
      const last = rows.at(-1)!;
      checkpoint = [last.tx, last.position];
      await owner.query(
        `insert into checkpoints (name, tx, position) values ('relay', $1::xid8, $2::bigint)
         on conflict (name) do update set tx = excluded.tx, position = excluded.position`,
        checkpoint,
      );
    }
  };
  const upgrade = () => owner.query(`begin; ${readFileSync(join(sqlFolder, UPGRADE), 'utf8')}; commit`);

  it('publishes what was passed over, once and marked, and nothing that was heard of', async () => {
    await commit(960, 600);
    await publishFaultily();
    expect(heard.size).toBe(560);
    await commit(1_560, 7);
    await upgrade();

    const logger = createLogger({ name: 'spec', level: 'silent' });
    const registry = new Registry();
    const relay = new Relay({
      databaseUrl: inDatabase(spare.workerUrl),
      pool: workers,
      service: 'notes',
      log: log as unknown as EventLog,
      logger,
    });
    let away = true;
    const repair = new RelayRepair({
      pool: workers,
      // A neighbour that is away at first: the repair goes on when it is back.
      unknownEvents: (ids) => {
        if (!away) return Promise.resolve(ids.filter((id) => !heard.has(id) && !log.ids.includes(id)));
        away = false;
        return Promise.reject(new Error('away'));
      },
      poke: relay.poke,
      registry,
      logger,
    });
    relay.start();
    repair.start();
    try {
      expect(await repair.isPending()).toBe(true);
      await eventually(async () => expect(await repair.isPending()).toBe(false));
      await eventually(() => expect(log.ids).toHaveLength(47));
      const expected = Array.from({ length: 607 }, (_, nth) => `evt_${960 + nth}`).filter((id) => !heard.has(id));
      expect(log.ids.sort()).toEqual(expected.sort());
      const marked = log.published.filter(({ headers }) => headers['works-repaired'] === 'true');
      expect(marked).toHaveLength(40);
      expect(await registry.getSingleMetricAsString('works_relay_repaired_total')).toContain('works_relay_repaired_total 40');
    } finally {
      await repair.stop();
      await relay.stop();
    }
  });

  it('has nothing to look through where no relay has run, and publishes all', async () => {
    await commit(95, 10);
    await upgrade();
    expect((await owner.query('select from repairs')).rowCount).toBe(0);
    expect((await workers.query('select from outbox')).rowCount).toBe(10);
  });
});
