import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { EmbeddedServer, ensureGroupRoles, migrate } from '../postgres';
import { eventually, testDatabase, type TestDatabase } from '../testing';
import { describeEventLog, type LogServer } from './conformance';
import { embeddedLog } from './embedded/embedded-log';
import type { EventLog } from './event-log';

/** A PostgreSQL of its own: the suite kills it. */
async function startPostgres(): Promise<LogServer> {
  const directory = await mkdtemp(join(tmpdir(), 'works-spec-log-'));
  let server = await EmbeddedServer.start({ directory });
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  await ensureGroupRoles(admin);
  await admin.query("create role spec_app login nosuperuser password 'spec' in role works_service");
  await admin.end();
  await migrate({ url: server.url, directory: resolve(__dirname, '../../../../prisma/log/migrations') });
  return {
    config: { eventLog: 'embedded', logDatabaseUrl: server.urlOf('postgres', 'spec_app', 'spec'), clientId: 'spec' },
    kill: async () => {
      const pid = (await server.pid())!;
      process.kill(pid, 'SIGKILL');
      await eventually(() => expect(() => process.kill(pid, 0)).toThrow());
    },
    restart: async () => {
      // The killed server's children need a moment to notice and let go of its memory.
      server = await eventually(() => EmbeddedServer.start({ directory }));
    },
    stop: async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

describeEventLog('the embedded event log', startPostgres);

describe('the table under the embedded event log', () => {
  let database: TestDatabase;
  let log: EventLog;
  let handled: string[];

  beforeEach(async () => {
    database = await testDatabase('log');
    log = await embeddedLog({ url: database.appUrl, instance: 'spec' });
    handled = [];
  });

  afterEach(async () => {
    await log.close();
    await database.drop();
  });

  const subscribe = () =>
    log.subscribe({
      group: 'readers',
      topics: ['note.written'],
      isOutage: () => false,
      handle: (messages) => Promise.resolve(void handled.push(...messages.map(({ value }) => value))),
    });

  const note = (value: string) => ({ topic: 'note.written', key: 'k', value, headers: {} });

  const connected = async (url: string): Promise<Client> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    return client;
  };

  // Offsets are given before commits: a reader that has passed a larger one would never look back for a smaller one that commits late.
  it('passes over no message, whatever the order of commits', async () => {
    await subscribe();
    const slow = await connected(database.appUrl);
    await slow.query('begin');
    await slow.query("select works_log_publish('{note.written}', '{k}', '{slow}', '{\"{}\"}')");
    const fast = log.publish([note('fast')]);
    await eventually(async () => {
      const { rows } = await slow.query<{ waiting: number }>(
        "select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted",
      );
      expect(rows[0]!.waiting).toBe(1);
    });
    expect(handled).toEqual([]);
    await slow.query('commit');
    await fast;
    await slow.end();
    await eventually(() => expect(handled).toEqual(['slow', 'fast']));
  });

  it('can be written only through its function, and changed by nobody', async () => {
    await log.publish([note('one')]);
    const app = await connected(database.appUrl);
    for (const sql of [
      "insert into messages (topic, partition, key, value, headers) values ('t', 0, 'k', 'v', '{}')",
      "update messages set value = 'other'",
      'delete from messages',
      'truncate messages',
    ]) {
      await expect(app.query(sql)).rejects.toThrow('permission denied');
    }
    await app.end();
  });

  it('goes on after its connections were cut', async () => {
    const subscription = await subscribe();
    await log.publish([note('before')]);
    await eventually(() => expect(handled).toEqual(['before']));
    const admin = await connected(database.superuserUrl);
    await admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await admin.end();
    await eventually(() => log.publish([note('after')]));
    await eventually(() => expect(handled).toEqual(['before', 'after']));
    await subscription.caughtUp();
  });

  // The order of each key would be lost if two instances worked on one partition.
  it('gives a partition to a newcomer only when its owner has finished what it has in hand', async () => {
    const release: (() => void)[] = [];
    const owned: string[] = [];
    const owner = await log.subscribe({
      group: 'readers',
      topics: ['note.written'],
      isOutage: () => false,
      handle: async (messages) => {
        owned.push(...messages.map(({ value }) => value));
        await new Promise<void>((resolve) => release.push(resolve));
      },
    });
    // The newcomer's half of the partitions is among these keys.
    const values = Array.from({ length: 60 }, (_, index) => `v${index}`);
    await log.publish(values.map((value) => ({ ...note(value), key: value })));
    await eventually(() => expect(owned).toHaveLength(60));
    const newcomer = await embeddedLog({ url: database.appUrl, instance: 'newcomer' });
    await newcomer.subscribe({
      group: 'readers',
      topics: ['note.written'],
      isOutage: () => false,
      handle: (messages) => Promise.resolve(void handled.push(...messages.map(({ value }) => value))),
    });
    const admin = await connected(database.superuserUrl);
    await eventually(async () => {
      const { rows } = await admin.query<{ query: string }>(
        "select query from pg_stat_activity where application_name = 'newcomer readers'",
      );
      expect(rows[0]?.query).toMatch(/pg_try_advisory_lock/);
    });
    await admin.end();
    release.forEach((open) => open());
    await owner.caughtUp();
    expect(handled).toEqual([]);
    await newcomer.close();
  });

  // A member whose connection is gone has lost its partitions: what it still has in hand must not move the cursor of whoever has them now.
  it('lets a member that has lost its connection commit nothing', async () => {
    const opened: (() => void)[] = [];
    const inHand: string[] = [];
    await log.subscribe({
      group: 'slow',
      topics: ['note.written'],
      isOutage: () => false,
      handle: async (messages) => {
        inHand.push(...messages.map(({ value }) => value));
        await new Promise<void>((resolve) => opened.push(resolve));
      },
    });
    await log.publish([note('held')]);
    await eventually(() => expect(inHand).toEqual(['held']));
    const admin = await connected(database.superuserUrl);
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'spec slow'");
    opened[0]!();
    await eventually(() => expect(inHand).toEqual(['held', 'held']));
    const { rows } = await admin.query("select from cursors where consumer_group = 'slow'");
    expect(rows).toEqual([]);
    await admin.end();
    opened[1]!();
  });
});
