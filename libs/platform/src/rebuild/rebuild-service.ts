import { postgresUrl, readConfig } from '../config';
import { openPool } from '../postgres';
import { TenantDatabase } from '../tenancy';
import { Rebuild, type Difference, type RebuildOptions, type RebuildSummary } from './rebuild';

/** What a rebuild says while it runs, one line of JSON each; `works rebuild` reads it. */
export type RebuildLine = { difference: Difference } | { progress: RebuildSummary } | { summary: RebuildSummary };

const PROGRESS_EVERY_MS = 200;

/**
 * The `main` of a service's rebuild: a process of its own beside the running service, on the service's two roles. Exits with 1 when something
 * differs and was not mended (with `--check`: when anything differs).
 */
export async function rebuildService(
  aggregates: RebuildOptions['aggregates'],
  env: NodeJS.ProcessEnv,
  words: readonly string[],
): Promise<void> {
  try {
    const config = readConfig({ databaseUrl: ['DATABASE_URL', postgresUrl], workerDatabaseUrl: ['WORKER_DATABASE_URL', postgresUrl] }, env);
    const { differences, mended } = await rebuild(aggregates, config, words.includes('--check'));
    process.exitCode = differences > mended ? 1 : 0;
  } catch (error) {
    process.stderr.write(`The rebuild stopped. ${(error as Error).message}\n`);
    process.exitCode = 2;
  }
}

async function rebuild(
  aggregates: RebuildOptions['aggregates'],
  { databaseUrl, workerDatabaseUrl }: { databaseUrl: string; workerDatabaseUrl: string },
  check: boolean,
): Promise<RebuildSummary> {
  const pool = openPool(databaseUrl, { max: 1, applicationName: 'rebuild' });
  const workers = openPool(workerDatabaseUrl, { max: 2, applicationName: 'rebuild worker' });
  let saidAt = performance.now();
  const progress = (summary: RebuildSummary) => {
    if (performance.now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = performance.now();
    say({ progress: summary });
  };
  try {
    const differs = (difference: Difference) => say({ difference });
    const summary = await new Rebuild({ workers, database: new TenantDatabase(pool), aggregates, check, differs, progress }).run();
    say({ summary });
    return summary;
  } finally {
    await Promise.all([pool.end(), workers.end()]);
  }
}

const say = (line: RebuildLine) => process.stdout.write(`${JSON.stringify(line)}\n`);
