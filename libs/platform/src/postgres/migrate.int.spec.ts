import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { testDatabase, type TestDatabase } from '../testing';
import { migrate, MigrationChanged, MigrationUnfinished } from './migrate';

describe('migrations', () => {
  let database: TestDatabase;
  let client: Client;
  let directory: string;

  beforeEach(async () => {
    database = await testDatabase('platform');
    client = new Client({ connectionString: database.ownerUrl });
    await client.connect();
    directory = mkdtempSync(join(tmpdir(), 'works-spec-migrations-'));
  });

  afterEach(async () => {
    await client.end();
    await database.drop();
    rmSync(directory, { recursive: true });
  });

  const write = (name: string, script: string) => {
    mkdirSync(join(directory, name), { recursive: true });
    writeFileSync(join(directory, name, 'migration.sql'), script);
  };
  const migrateNow = () => migrate({ url: database.ownerUrl, directory });
  const recorded = async () => (await client.query('select * from _prisma_migrations order by migration_name collate "C"')).rows;
  const tables = async () =>
    (await client.query("select tablename from pg_tables where tablename like 'shelf%' order by 1")).rows.map((row) => row.tablename);

  // Guarantees that a database can go back and forth between this migrator and `prisma migrate deploy`.
  it('are recorded as Prisma records them', async () => {
    writeFileSync(join(directory, 'migration_lock.toml'), 'provider = "postgresql"\n');
    write('20260101000000_shelf', 'create table shelf (id int);\n');
    expect(await migrateNow()).toEqual(['20260101000000_shelf']);
    expect(await recorded()).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        checksum: '44d4696ea9e5897c348cd657599e017955379bab0ca2b7abc0637aa33676651a',
        finished_at: expect.any(Date),
        migration_name: '20260101000000_shelf',
        logs: null,
        rolled_back_at: null,
        started_at: expect.any(Date),
        applied_steps_count: 1,
      },
    ]);
    const columns = await client.query(
      "select column_name || ' ' || udt_name || coalesce(' ' || character_maximum_length, '') || ' ' || is_nullable as is from information_schema.columns where table_name = '_prisma_migrations' order by ordinal_position",
    );
    expect(columns.rows.map((row) => row.is)).toEqual([
      'id varchar 36 NO',
      'checksum varchar 64 NO',
      'finished_at timestamptz YES',
      'migration_name varchar 255 NO',
      'logs text YES',
      'rolled_back_at timestamptz YES',
      'started_at timestamptz NO',
      'applied_steps_count int4 NO',
    ]);
  });

  it('are applied once, in order, however often the product starts', async () => {
    write('20260102000000_wider', 'alter table shelf add width int;');
    write('20260101000000_shelf', 'create table shelf (id int);');
    expect(await migrateNow()).toEqual(['20260101000000_shelf', '20260102000000_wider']);
    expect(await migrateNow()).toEqual([]);
    write('20260103000000_shelf_2', 'create table shelf_2 (id int);');
    expect(await migrateNow()).toEqual(['20260103000000_shelf_2']);
    expect(await tables()).toEqual(['shelf', 'shelf_2']);
  });

  it('may hold functions whose bodies hold semicolons', async () => {
    write(
      '1_function',
      "create function twice(n int) returns int language plpgsql as $$ begin n := n * 2; return n; end $$; comment on function twice is 'a; b';",
    );
    await migrateNow();
    expect((await client.query('select twice(21) as n')).rows).toEqual([{ n: 42 }]);
  });

  // Guarantees that a service that cannot migrate leaves the database as the others know it, and says where to look.
  it('leave nothing behind when they fail half-way, and go on from there once they are mended', async () => {
    write('1_shelf', 'create table shelf (id int);');
    write('2_broken', 'create table shelf_2 (id int);\ninsert into shelf_2 values (1);\nalter table nowhere add x int;\n');
    await expect(migrateNow()).rejects.toThrow('The migration 2_broken failed and was undone: relation "nowhere" does not exist');
    expect(await tables()).toEqual(['shelf']);
    expect((await recorded()).map((row) => row.migration_name)).toEqual(['1_shelf']);
    write('2_broken', 'create table shelf_2 (id int);');
    expect(await migrateNow()).toEqual(['2_broken']);
  });

  it('name the line that the server could not read', async () => {
    write('1_broken', '-- ₹ and 🪜 are one character each\ncreate table shelf (id int);\ncreate tabel shelf_2 (id int);');
    await expect(migrateNow()).rejects.toThrow('The migration 1_broken failed at line 3 and was undone: syntax error at or near "tabel"');
  });

  it('are refused when one that was applied has been edited, before anything else is applied', async () => {
    write('1_shelf', 'create table shelf (id int);');
    await migrateNow();
    write('1_shelf', 'create table shelf (id bigint);');
    write('2_shelf', 'create table shelf_2 (id int);');
    await expect(migrateNow()).rejects.toThrow(MigrationChanged);
    expect(await tables()).toEqual(['shelf']);
  });

  it('wait for a person where Prisma began one and did not finish it', async () => {
    write('1_shelf', 'create table shelf (id int);');
    await migrateNow();
    await client.query("insert into _prisma_migrations (id, checksum, migration_name) values ('x', 'y', '2_shelf')");
    write('2_shelf', 'create table shelf_2 (id int);');
    await expect(migrateNow()).rejects.toThrow(MigrationUnfinished);
    await client.query("update _prisma_migrations set rolled_back_at = now() where id = 'x'");
    expect(await migrateNow()).toEqual(['2_shelf']);
  });

  it('let an older version start beside a newer one', async () => {
    write('1_shelf', 'create table shelf (id int);');
    write('2_shelf', 'create table shelf_2 (id int);');
    await migrateNow();
    rmSync(join(directory, '2_shelf'), { recursive: true });
    expect(await migrateNow()).toEqual([]);
  });

  it('are applied by one of many that start at the same time', async () => {
    write('1_shelf', 'create table shelf (id int); select pg_sleep(0.05);');
    write('2_shelf', 'create table shelf_2 (id int);');
    const applied = await Promise.all(Array.from({ length: 8 }, migrateNow));
    expect(applied.flat().sort()).toEqual(['1_shelf', '2_shelf']);
  });
});
