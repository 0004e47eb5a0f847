import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

declare global {
  var keepsPostgres: ChildProcess | undefined;
}

const runTypescript = join(__dirname, '../../libs/platform/src/testing/run-typescript.cjs');

/** One server for the whole run, unless TEST_POSTGRES_URL names one. stop-postgres.ts ends it. */
export default async function startPostgres(): Promise<void> {
  if (process.env['TEST_POSTGRES_URL'] !== undefined) return;
  const keeper = spawn(process.execPath, [runTypescript, join(__dirname, 'keep-postgres.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C is for the run; the keeper ends in order when the run has ended.
    detached: true,
  });
  const died = once(keeper, 'exit').then(() => {
    throw new Error('PostgreSQL for the specs did not start');
  });
  const [url] = (await Promise.race([once(createInterface(keeper.stdout), 'line'), died])) as [string];
  process.env['TEST_POSTGRES_URL'] = url;
  globalThis.keepsPostgres = keeper;
}
