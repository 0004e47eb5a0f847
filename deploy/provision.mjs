// Brings a PostgreSQL server to the state that the services expect: roles, databases, migrations. Run it before each new version;
// what is there already is left as it is.
//   SUPERUSER_DATABASE_URL   who may make roles and databases
//   WORKS_TASKS_APP_PASSWORD and so on, the password of each login role; DATABASE_PASSWORD for those that have none of their own
//   WORKS_BACKUP_PASSWORD    makes the role works_backup, which may read every row of every database, for pg_dump; without it there is none
// With --empty it makes roles and databases and applies no migration: for databases that a dump is restored into.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { BACKUP_ROLE, DATABASES, LOGIN_KINDS, loginRole, migrate, provision } = require('@works/platform/postgres');

const { SUPERUSER_DATABASE_URL: superuserUrl, DATABASE_PASSWORD: sharedPassword, WORKS_BACKUP_PASSWORD: backupPassword } = process.env;
const roles = DATABASES.flatMap((database) => LOGIN_KINDS.map((kind) => loginRole(database, kind)));
const passwords = Object.fromEntries(roles.map((role) => [role, process.env[`${role.toUpperCase()}_PASSWORD`] ?? sharedPassword]));
const missing = [
  ...(superuserUrl ? [] : ['SUPERUSER_DATABASE_URL']),
  ...roles.filter((role) => !passwords[role]).map((role) => `${role.toUpperCase()}_PASSWORD`),
];
if (missing.length > 0) {
  console.error(`Missing in the environment: ${missing.join(', ')} (DATABASE_PASSWORD stands for every password)`);
  process.exit(1);
}

await provision({ superuserUrl, passwords: { ...passwords, ...(backupPassword && { [BACKUP_ROLE]: backupPassword }) } });
for (const database of process.argv.includes('--empty') ? [] : DATABASES) {
  const directory = fileURLToPath(new URL(`../prisma/${database}/migrations`, import.meta.url));
  const applied = await migrate({ url: urlOf(database), directory });
  console.log(`works_${database}: ${applied.length === 0 ? 'up to date' : `applied ${applied.join(', ')}`}`);
}

function urlOf(database) {
  const role = loginRole(database, 'owner');
  const url = new URL(superuserUrl);
  url.pathname = `/works_${database}`;
  url.username = role;
  url.password = encodeURIComponent(passwords[role]);
  return url.href;
}
