import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../../../..');
const prisma = join(root, 'prisma');

const sqlFolder = join(root, 'libs/platform/sql/event-store');
const scripts = readdirSync(sqlFolder).sort();

/** The databases that hold events, by what their migrations make. */
const services = readdirSync(prisma).filter(
  (name) => existsSync(join(prisma, name, 'migrations')) && migrationsOf(name).includes('create table events ('),
);

function migrationsOf(service: string): string {
  const folder = join(prisma, service, 'migrations');
  const names = readdirSync(folder).filter((name) => !name.endsWith('.toml'));
  return names.map((name) => readFileSync(join(folder, name, 'migration.sql'), 'utf8')).join('\n');
}

// Whoever changes the store's tables adds a script, and with it a migration to each service; what has shipped stays as it is.
it.each(services)("the migrations of %s hold exactly the platform's SQL, in its order", (service) => {
  const blocks = [...migrationsOf(service).matchAll(/-- platform:begin.*\n([^]*?)-- platform:end/g)].map(([, block]) => block);
  expect(blocks).toEqual(scripts.map((script) => readFileSync(join(sqlFolder, script), 'utf8')));
});

it('there are services with events', () => expect(services.length).toBeGreaterThan(0));
