import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedServer } from '../../libs/platform/src/postgres/embedded-server';

/** One server for the whole run, unless TEST_POSTGRES_URL names one. Stopped and removed by stop-postgres.ts. */
export default async function startPostgres(): Promise<void> {
  if (process.env['TEST_POSTGRES_URL'] !== undefined) return;
  const directory = mkdtempSync(join(tmpdir(), 'works-spec-postgres-'));
  const server = await EmbeddedServer.start({ directory });
  process.env['TEST_POSTGRES_URL'] = server.url;
  process.env['TEST_POSTGRES_DIRECTORY'] = directory;
}
