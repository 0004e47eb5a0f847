import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(__dirname, '../../../../..');

// Whoever changes the log's tables adds a migration; the one that has shipped stays as it is.
it("the log database's first migration is exactly the platform's SQL", () => {
  const migration = readFileSync(resolve(root, 'prisma/log/migrations/20261123000000_init/migration.sql'), 'utf8');
  expect(migration).toBe(readFileSync(resolve(root, 'libs/platform/sql/embedded-log.sql'), 'utf8'));
});
