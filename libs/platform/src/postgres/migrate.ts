import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, type DatabaseError } from 'pg';

export interface MigrateOptions {
  /** The role that owns the database's objects. */
  readonly url: string;
  /** Prisma's format: `<directory>/<timestamp>_<name>/migration.sql`. */
  readonly directory: string;
  log?(message: string): void;
}

interface Migration {
  name: string;
  script: string;
  checksum: string;
}

/** A migration that was applied has been edited since; nothing was applied. */
export class MigrationChanged extends Error {
  constructor(name: string) {
    super(`The migration ${name} was applied with another text. Applied migrations never change: add a new one.`);
    this.name = 'MigrationChanged';
  }
}

/** Prisma's own tools began a migration here and did not finish it: what is left of it only a person can judge. */
export class MigrationUnfinished extends Error {
  constructor(name: string) {
    super(`The migration ${name} was begun by Prisma and not finished. Look at the database, then run: prisma migrate resolve`);
    this.name = 'MigrationUnfinished';
  }
}

/** The number that Prisma's schema engine locks, so that `prisma migrate deploy` and this migrator take turns too. */
const PRISMA_LOCK = 72707369;

/** As Prisma creates it, so that `prisma migrate deploy` and this migrator see each other's work. */
const PRISMA_TABLE = `
  create table if not exists _prisma_migrations (
    id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
    logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`;

/**
 * Applies what is missing, in order, each file with its record in one transaction, so that a migration that fails leaves nothing.
 * Services that start together take turns. Migrations that only the database knows are left alone: an older version may start beside a
 * newer one. Returns the names of what was applied.
 */
export async function migrate({ url, directory, log = () => undefined }: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(directory);
  const client = new Client({ connectionString: url, application_name: 'works migrate' });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [PRISMA_LOCK]);
    await client.query(PRISMA_TABLE);
    const applied = await appliedChecksums(client);
    for (const { name, checksum } of migrations) {
      if (applied.has(name) && applied.get(name) !== checksum) throw new MigrationChanged(name);
    }
    const missing = migrations.filter(({ name }) => !applied.has(name));
    for (const migration of missing) {
      await apply(client, migration);
      log(`applied ${migration.name}`);
    }
    return missing.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => existsSync(join(directory, name, 'migration.sql'))).sort();
  return Promise.all(
    names.map(async (name) => {
      const script = await readFile(join(directory, name, 'migration.sql'), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    }),
  );
}

async function appliedChecksums(client: Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ migration_name: string; checksum: string; finished: boolean }>(
    'select migration_name, checksum, finished_at is not null as finished from _prisma_migrations where rolled_back_at is null',
  );
  const unfinished = rows.find(({ finished }) => !finished);
  if (unfinished) throw new MigrationUnfinished(unfinished.migration_name);
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

async function apply(client: Client, { name, script, checksum }: Migration): Promise<void> {
  await client.query('begin');
  try {
    // One simple query: the server splits the statements, which is the only party that can.
    await client.query(script);
    await client.query(
      'insert into _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) values ($1, $2, now(), $3, 1)',
      [randomUUID(), checksum, name],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined); // a connection that is gone has rolled back by itself
    throw new Error(`The migration ${name} failed${lineOf(error, script)} and was undone: ${(error as Error).message}`, { cause: error });
  }
}

/** Where in the file; the server counts characters from 1. */
function lineOf(error: unknown, script: string): string {
  const position = Number((error as Partial<DatabaseError>).position);
  return position > 0
    ? ` at line ${
        [...script]
          .slice(0, position - 1)
          .join('')
          .split('\n').length
      }`
    : '';
}
