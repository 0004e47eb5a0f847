import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { accountFor, handOver, runServerProgram } from './embedded/account';
import { dataOf, lastPid, launchPostmaster, runningPostmaster, stopPostmaster } from './embedded/postmaster';

export interface EmbeddedServerOptions {
  /** Holds the cluster (`data`), its log and its password. Made when missing. */
  readonly directory: string;
  /** Further settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** An ICU locale (`en-US`) by which a cluster made here sorts text that names no collation; by bytes (`C`) when there is none. */
  readonly icuLocale?: string;
}

/** For a small machine that also runs everything else; durability is as the server ships it. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // Compiling pays for reports, not for statements of a millisecond.
  jit: 'off',
  max_logical_replication_workers: '0',
  // Refused statements are the caller's to report, and their text can hold what customers wrote.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
};

/**
 * A PostgreSQL server of our own on this machine, on the loopback address, with a password.
 * It is a daemon: when the process that started it is killed, the next `start` finds it running and goes on using it.
 */
export class EmbeddedServer {
  private constructor(
    private readonly directory: string,
    private readonly port: number,
    private readonly password: string,
  ) {}

  /** A second start on the same directory gives the same server. What was committed is there, however the last one ended. */
  static async start({ directory, settings = {}, icuLocale }: EmbeddedServerOptions): Promise<EmbeddedServer> {
    const home = resolve(directory);
    if (!existsSync(dataOf(home))) await initialise(home, icuLocale);
    const { port } = (await runningPostmaster(home)) ?? (await launchPostmaster(home, { ...SETTINGS, ...settings }));
    return new EmbeddedServer(home, port, await passwordOf(home));
  }

  /** The server of this directory when it runs; null otherwise. */
  static async find(directory: string): Promise<EmbeddedServer | null> {
    const home = resolve(directory);
    const running = await runningPostmaster(home);
    return running && new EmbeddedServer(home, running.port, await passwordOf(home));
  }

  /** The connection string of the superuser. */
  get url(): string {
    return this.urlOf('postgres', 'postgres', this.password);
  }

  urlOf(database: string, user: string, password: string): string {
    return `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`;
  }

  /** Within seconds; everything committed is on disk. */
  async stop(): Promise<void> {
    if (await runningPostmaster(this.directory)) await stopPostmaster(this.directory);
  }

  /** The process id of the postmaster, dead or alive; null after an orderly stop. */
  pid(): Promise<number | null> {
    return lastPid(this.directory);
  }
}

const passwordFileOf = (directory: string): string => join(directory, 'password');
const passwordOf = (directory: string): Promise<string> => readFile(passwordFileOf(directory), 'utf8');

/** Made aside and put in place at the end: a cluster that is half made is never taken for a whole one. */
async function initialise(directory: string, icuLocale: string | undefined): Promise<void> {
  const making = join(directory, 'data.making');
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true, mode: 0o700 });
  await writeFile(passwordFileOf(directory), randomBytes(24).toString('base64url'), { mode: 0o600 });
  await handOver(await accountFor(making), directory, making, passwordFileOf(directory));
  await runServerProgram(
    'initdb',
    [
      '-D',
      making,
      '-U',
      'postgres',
      '--pwfile',
      passwordFileOf(directory),
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      ...(icuLocale === undefined ? [] : ['--locale-provider=icu', `--icu-locale=${icuLocale}`]),
      '--no-instructions',
    ],
    making,
  );
  await rename(making, dataOf(directory));
}
