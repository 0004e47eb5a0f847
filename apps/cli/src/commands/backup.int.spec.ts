import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedServer } from '@works/platform/postgres';
import { takeBackup } from '../backup/take-backup';
import { backupCommand, restoreCommand } from './backup';
import { run } from './commands.examples';

/** More than one segment of the write-ahead log, so that the server would give some up. */
const PADDING = 'x'.repeat(4_000);

describe('works backup and works restore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'works-spec-backup-'));
  const home = join(folder, 'home');
  const backup = join(folder, 'backup');
  let server: EmbeddedServer;

  beforeAll(async () => {
    server = await EmbeddedServer.start({ directory: join(home, 'postgres'), settings: { max_wal_size: '64MB' } });
    await writeFile(join(home, 'secrets.json'), '{"worksSecret": "s"}', { mode: 0o600 });
    for (const name of ['gateway', 'projects', 'tasks', 'webhooks', 'log']) await as(server, 'postgres', `create database works_${name}`);
    for (const name of ['tasks', 'log']) await as(server, `works_${name}`, 'create table numbers (n bigint, padding text)');
    await as(
      server,
      'works_tasks',
      `create table epochs (name text);
       create function works_begin_epoch() returns void language sql as $$ insert into public.epochs values ('new') $$;
       create table events (position bigint, organization_id text, livemode boolean, topic text);
       insert into events values (1, 'org_1', true, 'task.created'), (150000, 'org_1', true, 'task.created'), (150001, 'org_1', true, null);
       create table outbox (position bigint primary key, organization_id text, livemode boolean)`,
    );
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  afterEach(() => delete process.env['WORKS_HOME']);

  const commands = (path: string) => {
    process.env['WORKS_HOME'] = path;
    return {
      backup: (directory: string) => run(backupCommand(), directory),
      restore: (directory: string) => run(restoreCommand(), directory),
    };
  };
  const as = async <Row extends object>(of: EmbeddedServer, database: string, sql: string): Promise<Row[]> => {
    const url = new URL(of.url);
    url.pathname = `/${database}`;
    const client = new Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const numbers = async (of: EmbeddedServer, database: string) =>
    (await as<{ n: string }>(of, database, 'select distinct n from numbers order by n')).map(({ n }) => Number(n));

  /** Writes 1, 2, 3, … first into one database and then, once that is committed, into the other, with checkpoints between. */
  const keepWriting = () => {
    let writing = true;
    let written = 0;
    const done = (async () => {
      while (writing) {
        const n = written + 1;
        for (const database of ['works_tasks', 'works_log'])
          await as(
            server,
            database,
            `insert into numbers select ${n}, '${PADDING}' from generate_series(1, 200)${n % 5 === 0 ? '; checkpoint' : ''}`,
          );
        written = n;
      }
    })();
    return {
      written: () => written,
      end: () => {
        writing = false;
        return done;
      },
    };
  };

  // Guarantees that what one service told another is never known to the other alone: the databases are of one and the same instant.
  it('restores all databases as they were at one instant, while they are written to', async () => {
    const writer = keepWriting();
    while (writer.written() < 5) await new Promise(setImmediate);
    const before = writer.written();
    expect(await commands(home).backup(backup)).toMatch(
      /^Backed up [\d.]+ MB to .*, as it was at \d{4}-.*Z\.\n.*only its owner may read it/,
    );
    await writer.end();

    const restoredHome = join(folder, 'restored');
    expect(await commands(restoredHome).restore(backup)).toContain(`WORKS_HOME=${restoredHome} npm start`);
    expect(await EmbeddedServer.find(join(restoredHome, 'postgres'))).toBeNull();
    const restored = await EmbeddedServer.start({ directory: join(restoredHome, 'postgres') });
    const [tasks, log] = [await numbers(restored, 'works_tasks'), await numbers(restored, 'works_log')];
    const epochs = await as(restored, 'works_tasks', 'select name from epochs');
    const again = await as(restored, 'works_tasks', 'select from outbox');
    await as(restored, 'works_tasks', 'insert into numbers values (0)');
    await restored.stop();

    expect(tasks).toEqual(Array.from({ length: tasks.length }, (_, index) => index + 1));
    expect(tasks.length).toBeGreaterThanOrEqual(before);
    expect([tasks.length, tasks.length - 1]).toContain(log.length);
    expect(log).toEqual(tasks.slice(0, log.length));
    expect(again).toEqual([]);
    expect(epochs).toEqual([{ name: 'new' }]);
    expect(await readFile(join(restoredHome, 'secrets.json'), 'utf8')).toBe('{"worksSecret": "s"}');
    expect((await readdir(restoredHome)).sort()).toEqual(['postgres', 'secrets.json']);
  });

  it('is a folder that only its owner may enter', async () => {
    expect((await stat(backup)).mode & 0o777).toBe(0o700);
    expect((await stat(join(backup, 'home/secrets.json'))).mode & 0o777).toBe(0o600);
  });

  // Guarantees that a reaction that had still to happen does, though the broker that held its event is another.
  it('backs up what stands still, and leaves it so; where Kafka was the log, the newest facts are told again', async () => {
    await mkdir(join(home, 'kafka'));
    const was = await numbers(server, 'works_tasks');
    await server.stop();
    await commands(home).backup(join(folder, 'cold'));
    expect(await EmbeddedServer.find(join(home, 'postgres'))).toBeNull();
    server = await EmbeddedServer.start({ directory: join(home, 'postgres') });

    const restoredHome = join(folder, 'restored-cold');
    await commands(restoredHome).restore(join(folder, 'cold'));
    const restored = await EmbeddedServer.start({ directory: join(restoredHome, 'postgres') });
    expect(await numbers(restored, 'works_tasks')).toEqual(was);
    expect(await as(restored, 'works_tasks', 'select position from outbox order by 1')).toEqual([{ position: '150000' }]);
    await restored.stop();
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a folder that is not empty', () => commands(home).backup(backup), `${backup} is not empty. Name a folder that does not exist yet.`],
    ['a folder of the product itself', () => commands(home).backup(join(home, 'backup')), 'a backup goes somewhere else'],
    ['a home without a product', () => commands(join(folder, 'nowhere')).backup(join(folder, 'x')), 'There is nothing to back up in'],
    ['a file', () => commands(home).backup(join(backup, 'manifest.json')), 'is no folder that a backup can be written to (ENOTDIR)'],
    ['to restore over a product', () => commands(home).restore(backup), `${home} is not empty`],
    ['to restore what is no backup', () => commands(join(folder, 'new')).restore(home), 'holds no whole backup: it has no manifest.json'],
  ])('refuses %s', async (_, command, sentence) => {
    await expect(command()).rejects.toThrow(sentence);
  });

  it('leaves nothing of a backup that fails', async () => {
    const going = takeBackup(home, join(folder, 'failed'));
    const failed = expect(going).rejects.toThrow();
    // Whatever it is doing when its connection ends, it cannot be whole.
    while (
      !(await as(server, 'postgres', `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'works backup'`))
        .length
    );
    await failed;
    expect((await readdir(folder)).filter((name) => name.includes('failed'))).toEqual([]);
  });

  it('finds one changed byte and a missing file before it lays anything', async () => {
    const restoredHome = join(folder, 'from-damaged');
    const file = join(backup, 'postgres/data/global/pg_control');
    const content = await readFile(file);
    content[100]! ^= 1;
    await writeFile(file, content);
    await expect(commands(restoredHome).restore(backup)).rejects.toThrow(
      `The backup is damaged: ${file} is not what was written. Nothing was restored.`,
    );
    await rm(file);
    await expect(commands(restoredHome).restore(backup)).rejects.toThrow(
      `The backup is damaged: ${file} is missing. Nothing was restored.`,
    );
    await expect(stat(restoredHome)).rejects.toThrow('ENOENT');
  });
});
