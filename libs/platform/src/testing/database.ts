import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { newId } from '../ids';
import { ensureGroupRoles, migrate } from '../postgres';

/** A database of a test's own, with the three roles that a service's database has. */
export interface TestDatabase {
  ownerUrl: string;
  appUrl: string;
  workerUrl: string;
  superuserUrl: string;
  drop(): Promise<void>;
}

/** `platform` is the event store alone with an aggregate called notes; the others are the product's databases. */
export type TestDatabaseKind = 'platform' | 'gateway' | 'projects' | 'tasks' | 'webhooks' | 'log';

const root = resolve(__dirname, '../../../..');
const PASSWORD = 'spec';

/** A fresh database, cloned in some 50 ms from a template that has the service's migrations; `server` is a superuser's connection string. */
export async function testDatabase(kind: TestDatabaseKind, server = serverUrl()): Promise<TestDatabase> {
  const admin = new Client({ connectionString: server });
  await admin.connect();
  const name = `spec_${kind}_${newId('db').slice(3).toLowerCase()}`;
  try {
    const template = await ensureTemplate(admin, server, kind);
    await admin.query(`create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)} owner works_spec_owner`);
  } finally {
    await admin.end();
  }
  // A clone is another incarnation. As at the start of a service.
  if (kind !== 'gateway' && kind !== 'log') await runScript(withDatabase(server, name), 'select works_present_epoch()');
  return {
    ownerUrl: withLogin(server, name, 'works_spec_owner'),
    appUrl: withLogin(server, name, 'works_spec_app'),
    workerUrl: withLogin(server, name, 'works_spec_worker'),
    superuserUrl: withDatabase(server, name),
    drop: () => dropDatabase(server, name),
  };
}

function serverUrl(): string {
  const url = process.env['TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('TEST_POSTGRES_URL is not set: run the specs through jest.config.cjs, which starts a server');
  return url;
}

/** Made once per text of the migrations; test files that ask at the same time take turns. */
async function ensureTemplate(admin: Client, server: string, kind: TestDatabaseKind): Promise<string> {
  const name = `template_${kind}_${checksumOf(kind)}`;
  await admin.query('select pg_advisory_lock(hashtext($1))', [name]);
  try {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name]);
    if (!rowCount) await makeTemplate(admin, server, kind, name);
    return name;
  } finally {
    await admin.query('select pg_advisory_unlock(hashtext($1))', [name]);
  }
}

async function makeTemplate(admin: Client, server: string, kind: TestDatabaseKind, name: string): Promise<void> {
  await ensureRoles(admin);
  const making = `${name}_making`;
  await admin.query(`drop database if exists ${escapeIdentifier(making)}`);
  await admin.query(`create database ${escapeIdentifier(making)} owner works_spec_owner`);
  const url = withLogin(server, making, 'works_spec_owner');
  if (kind === 'platform') await runScript(url, platformScript());
  else await migrate({ url, directory: migrationsOf(kind) });
  await admin.query(`alter database ${escapeIdentifier(making)} rename to ${escapeIdentifier(name)}`);
}

/** Roles belong to the whole server, so two kinds of template that are made at once take turns here too. */
async function ensureRoles(admin: Client): Promise<void> {
  await admin.query("select pg_advisory_lock(hashtext('works_spec roles'))");
  try {
    await ensureGroupRoles(admin);
    for (const [role, group] of Object.entries({
      works_spec_owner: null,
      works_spec_app: 'works_service',
      works_spec_worker: 'works_worker',
    })) {
      const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [role]);
      if (!rowCount) await admin.query(`create role ${role} login nosuperuser nobypassrls password '${PASSWORD}'`);
      if (group !== null) await admin.query(`grant ${group} to ${role}`);
    }
  } finally {
    await admin.query("select pg_advisory_unlock(hashtext('works_spec roles'))");
  }
}

const migrationsOf = (kind: TestDatabaseKind): string => join(root, 'prisma', kind, 'migrations');

const storeFolder = join(root, 'libs/platform/sql/event-store');

const platformScript = (): string => `${readdirSync(storeFolder)
  .sort()
  .map((file) => readFileSync(join(storeFolder, file), 'utf8'))
  .join('\n')}
  create table notes (id text primary key, organization_id text not null, livemode boolean not null, version integer not null, state jsonb not null);
  select works_declare_aggregate('notes');`;

function checksumOf(kind: TestDatabaseKind): string {
  const texts =
    kind === 'platform'
      ? [platformScript()]
      : readdirSync(migrationsOf(kind), { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.sql'))
          .sort()
          .map((file) => readFileSync(join(migrationsOf(kind), file), 'utf8'));
  return createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 12);
}

async function runScript(url: string, script: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(script).finally(() => client.end());
}

async function dropDatabase(server: string, name: string): Promise<void> {
  const admin = new Client({ connectionString: server });
  await admin.connect();
  await admin.query(`drop database if exists ${escapeIdentifier(name)} with (force)`).finally(() => admin.end());
}

function withDatabase(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

function withLogin(server: string, database: string, role: string): string {
  const url = new URL(withDatabase(server, database));
  url.username = role;
  url.password = PASSWORD;
  return url.href;
}
