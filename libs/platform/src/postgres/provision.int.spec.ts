import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { EmbeddedServer } from './embedded-server';
import { migrate } from './migrate';
import { DATABASES, LOGIN_KINDS, loginRole, provision } from './provision';

/** Every login of the product, with the database that it belongs to. */
const LOGINS = DATABASES.flatMap((database) => LOGIN_KINDS.map((kind) => ({ database, kind, role: loginRole(database, kind) })));
const passwords = Object.fromEntries(LOGINS.map(({ role }) => [role, `secret of ${role}`]));

/** Databases and roles belong to a whole server, so these have one of their own: a developer's server may hold the real ones. */
describe('provisioning', () => {
  const directory = mkdtempSync(join(tmpdir(), 'works-spec-provision-'));
  let server: EmbeddedServer;

  beforeAll(async () => {
    server = await EmbeddedServer.start({ directory, icuLocale: 'en-US' });
    await provision({ superuserUrl: server.url, passwords });
    const migrations = resolve(__dirname, '../../../../prisma');
    for (const name of DATABASES) {
      const role = loginRole(name, 'owner');
      await migrate({ url: server.urlOf(`works_${name}`, role, passwords[role]!), directory: join(migrations, name, 'migrations') });
    }
  });

  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  const asked = async <Row extends object>(url: string, sql: string): Promise<Row[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const urlOf = (role: string, database: string, password = passwords[role]!) => server.urlOf(`works_${database}`, role, password);

  it('lets each role into its own database, and into no other', async () => {
    const doors = LOGINS.flatMap(({ role, database: own }) => DATABASES.map((database) => ({ role, database, open: database === own })));
    const found = await Promise.all(
      doors.map(async ({ role, database }) => {
        const answer = await asked(urlOf(role, database), 'select 1').catch((error: Error) => error.message);
        return { role, database, open: Array.isArray(answer) };
      }),
    );
    expect(found).toEqual(doors);
  });

  // Guarantees that ids are in the order of their bytes on a server that sorts as people do.
  it('makes databases that sort by bytes, whatever the server does', async () => {
    const aBeforeB = "select 'a' < 'B' as so";
    expect(await asked(server.url, aBeforeB)).toEqual([{ so: true }]);
    for (const database of DATABASES) expect(await asked(urlOf(loginRole(database, 'app'), database), aBeforeB)).toEqual([{ so: false }]);
  });

  // Guarantees that no statement of a service, however wrong, shows one organization's rows to another: its role cannot step out of row security.
  it('makes service and worker roles that cannot bypass row security, and own nothing', async () => {
    const attributes = await asked(
      server.url,
      "select rolname from pg_roles where rolname like 'works%' and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication)",
    );
    expect(attributes).toEqual([]);
    const owned = `
      select c.relname as name from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname ~ '_(app|worker)$|^works_(service|worker)$'
      union all select p.proname from pg_proc p join pg_roles r on r.oid = p.proowner where r.rolname ~ '_(app|worker)$|^works_(service|worker)$'
      union all select d.datname from pg_database d join pg_roles r on r.oid = d.datdba where r.rolname ~ '_(app|worker)$|^works_(service|worker)$'`;
    for (const name of DATABASES) expect(await asked(urlOf(loginRole(name, 'owner'), name), owned)).toEqual([]);
    const app = loginRole('tasks', 'app');
    await expect(asked(urlOf(app, 'tasks'), 'create table mine (id int)')).rejects.toThrow('permission denied');
    await expect(asked(urlOf(app, 'tasks'), 'alter table events disable row level security')).rejects.toThrow('must be owner');
    await expect(asked(urlOf(app, 'tasks'), 'set role works_tasks_owner')).rejects.toThrow('permission denied');
    await expect(asked(urlOf(app, 'tasks'), 'set role works_worker')).rejects.toThrow('permission denied');
  });

  it('protects every table of a tenant, also against its owner', async () => {
    const ofTenants = `
      select c.relname as name, relrowsecurity and relforcerowsecurity as protected
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id'
       where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1`;
    const tables = await Promise.all(
      DATABASES.map((name) => asked<{ name: string; protected: boolean }>(urlOf(loginRole(name, 'owner'), name), ofTenants)),
    );
    expect(tables.flat().length).toBeGreaterThan(10);
    expect(tables.flat().filter((table) => !table.protected)).toEqual([]);
  });

  it('may be done again, also by two at a time, and then takes the passwords it is given', async () => {
    const role = loginRole('tasks', 'app');
    const changed = { ...passwords, [role]: "it's another" };
    await Promise.all([
      provision({ superuserUrl: server.url, passwords: changed }),
      provision({ superuserUrl: server.url, passwords: changed }),
    ]);
    await expect(asked(urlOf(role, 'tasks'), 'select 1')).rejects.toThrow('password authentication failed');
    expect(await asked(urlOf(role, 'tasks', "it's another"), 'select 1 as one')).toEqual([{ one: 1 }]);
    await provision({ superuserUrl: server.url, passwords });
  });

  it('names the role that was given no password', async () => {
    const { works_tasks_app: _, ...rest } = passwords;
    await expect(provision({ superuserUrl: server.url, passwords: rest })).rejects.toThrow(
      'No password was given for the database role works_tasks_app',
    );
  });
});
