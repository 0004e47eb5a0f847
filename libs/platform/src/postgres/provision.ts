import { Client, escapeIdentifier, escapeLiteral } from 'pg';

/** Every database of the product, `works_<name>`. */
export const DATABASES = ['gateway', 'projects', 'tasks', 'webhooks', 'log'] as const;
export type DatabaseName = (typeof DATABASES)[number];

/**
 * The three roles that may connect to a database, and no others: `owner` owns and migrates, `app` serves requests and is bound by
 * row-level security, `worker` does background work across tenants, through policies of its own on just those tables.
 */
export const LOGIN_KINDS = ['owner', 'app', 'worker'] as const;
export type LoginKind = (typeof LOGIN_KINDS)[number];

export const loginRole = (database: string, kind: LoginKind): string => `works_${database}_${kind}`;

/**
 * Reads everything of everybody in every database, for pg_dump: row-level security is forced, and pg_dump refuses to leave out the rows that a role
 * may not see. It changes nothing. Made only where a password is given for it.
 */
export const BACKUP_ROLE = 'works_backup';

/** Group roles hold the grants; they cannot log in, own nothing, and cannot bypass row-level security. */
const GROUP_OF: Record<LoginKind, string | null> = { owner: null, app: 'works_service', worker: 'works_worker' };

export interface ProvisionOptions {
  readonly superuserUrl: string;
  /** Password by login role; every login role needs one. `works_backup` is made when it has one. */
  readonly passwords: Readonly<Record<string, string>>;
}

/** Makes roles and databases; what is there already is brought to the same state. */
export async function provision({ superuserUrl, passwords }: ProvisionOptions): Promise<void> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    // Two provisioners at once would collide on the shared catalogues.
    await client.query('select pg_advisory_lock(7310294)');
    await ensureGroupRoles(client);
    for (const database of DATABASES) {
      for (const kind of LOGIN_KINDS) await ensureLogin(client, database, kind, passwords[loginRole(database, kind)]);
      await ensureDatabase(client, database);
    }
    const backupPassword = passwords[BACKUP_ROLE];
    if (backupPassword !== undefined) await ensureBackupRole(client, backupPassword);
  } finally {
    await client.end();
  }
}

/** The two group roles; also what a test database needs before migrations run. */
export async function ensureGroupRoles(client: Client): Promise<void> {
  for (const role of ['works_service', 'works_worker'])
    await ensureRole(client, role, 'nologin nosuperuser nobypassrls nocreatedb nocreaterole');
}

async function ensureLogin(client: Client, database: string, kind: LoginKind, password: string | undefined): Promise<void> {
  const role = loginRole(database, kind);
  if (password === undefined) throw new Error(`No password was given for the database role ${role}`);
  await ensureRole(client, role, `login nosuperuser nobypassrls nocreatedb nocreaterole password ${escapeLiteral(password)}`);
  const group = GROUP_OF[kind];
  if (group !== null) await client.query(`grant ${group} to ${escapeIdentifier(role)}`);
}

async function ensureBackupRole(client: Client, password: string): Promise<void> {
  await ensureRole(client, BACKUP_ROLE, `login nosuperuser bypassrls nocreatedb nocreaterole password ${escapeLiteral(password)}`);
  await client.query(`grant pg_read_all_data to ${BACKUP_ROLE}`);
  for (const name of DATABASES) await client.query(`grant connect on database ${escapeIdentifier(`works_${name}`)} to ${BACKUP_ROLE}`);
}

async function ensureRole(client: Client, role: string, attributes: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
  await client.query(`${rowCount ? 'alter' : 'create'} role ${escapeIdentifier(role)} ${attributes}`);
}

/**
 * Ids sort by their bytes, whatever the server's own collation is; and no update of its libraries can put an index out of order. Only template0
 * may be copied under another collation.
 */
const BY_BYTES = `template template0 encoding 'UTF8' locale_provider libc lc_collate 'C' lc_ctype 'C'`;

async function ensureDatabase(client: Client, name: string): Promise<void> {
  const database = escapeIdentifier(`works_${name}`);
  const { rowCount } = await client.query('select from pg_database where datname = $1', [`works_${name}`]);
  if (!rowCount) await client.query(`create database ${database} owner ${escapeIdentifier(loginRole(name, 'owner'))} ${BY_BYTES}`);
  await client.query(`revoke all on database ${database} from public`);
  const logins = LOGIN_KINDS.map((kind) => escapeIdentifier(loginRole(name, kind))).join(', ');
  await client.query(`grant connect on database ${database} to ${logins}`);
}
