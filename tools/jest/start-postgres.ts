import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { GlobalConfig, ProjectConfig } from 'jest';

declare global {
  var keepsPostgres: ChildProcess | undefined;
}

const runTypescript = join(__dirname, '../../libs/platform/src/testing/run-typescript.cjs');

/** Integration specs run where text does not sort by bytes, as on most servers of operators: a statement that forgets to say `collate "C"` shows. */
const ICU_LOCALES: Readonly<Record<string, string>> = { int: 'en-US' };

/** One server for the whole run, unless TEST_POSTGRES_URL names one. stop-postgres.ts ends it. */
export default async function startPostgres(_global: GlobalConfig, project: ProjectConfig): Promise<void> {
  if (process.env['TEST_POSTGRES_URL'] !== undefined) return;
  const icuLocale = ICU_LOCALES[project.displayName?.name ?? ''];
  const keeper = spawn(
    process.execPath,
    [runTypescript, join(__dirname, 'keep-postgres.ts'), ...(icuLocale === undefined ? [] : [icuLocale])],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      // Ctrl-C is for the run; the keeper ends in order when the run has ended.
      detached: true,
    },
  );
  const died = once(keeper, 'exit').then(() => {
    throw new Error('PostgreSQL for the specs did not start');
  });
  const [url] = (await Promise.race([once(createInterface(keeper.stdout), 'line'), died])) as [string];
  process.env['TEST_POSTGRES_URL'] = url;
  globalThis.keepsPostgres = keeper;
}
