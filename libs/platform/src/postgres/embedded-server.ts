import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { accountFor, runServerProgram } from './embedded/account';
import { takeBaseBackup } from './embedded/base-backup';
import { copyFile, fewAtATime, syncTree, type CopiedFile } from './embedded/copied-file';
import { handOver } from './embedded/hand-over';
import { dataOf, lastPid, launchPostmaster, runningPostmaster, stopPostmaster } from './embedded/postmaster';

/** A whole server: what its folder has to hold. Paths are below that folder. */
export interface ServerBackup {
  readonly folders: readonly string[];
  readonly files: readonly CopiedFile[];
}

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

/** Replaying what was written while a large backup was taken is no hang. */
const RECOVERY_TIMEOUT_SECONDS = 3_600;

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

  /**
   * Lays a server that `backUp` copied to `from` into `directory`, where there must be none, and lets it recover. It runs when this resolves.
   * Fails, with what PostgreSQL says, when the copy is no whole cluster.
   */
  static async restore(from: string, directory: string, { folders, files }: ServerBackup): Promise<EmbeddedServer> {
    const home = resolve(directory);
    const data = dataOf(home);
    if (existsSync(data)) throw new Error(`There is a database server in ${home} already`);
    await mkdir(data, { recursive: true, mode: 0o700 });
    const account = await accountFor(data);
    for (const folder of folders) await mkdir(join(home, folder), { recursive: true, mode: 0o700 });
    await handOver(account, home, ...folders.map((folder) => join(home, folder)));
    await fewAtATime(files, async ({ path, sha256 }) => {
      const copied = await copyFile(join(from, path), join(home, path), account);
      if (copied?.sha256 !== sha256) throw new Error(`${join(from, path)} is not what was backed up`);
    });
    await syncTree(home);
    const { port } = await launchPostmaster(home, SETTINGS, RECOVERY_TIMEOUT_SECONDS);
    return new EmbeddedServer(home, port, await passwordOf(home));
  }

  /**
   * Copies the server into the folder `into`, which must not exist, while it serves. All its databases are copied as they were at one and the same
   * instant while this ran. Everything is on disk when this resolves.
   */
  async backUp(into: string): Promise<ServerBackup & { readonly asOf: Date }> {
    await mkdir(into, { mode: 0o700 });
    const password = await copyFile(passwordFileOf(this.directory), passwordFileOf(into));
    if (password === null) throw new Error(`The password of the server in ${this.directory} is missing`);
    const { asOf, folders, files } = await takeBaseBackup(this.url, dataOf(this.directory), dataOf(into));
    await syncTree(into);
    const inData = (path: string) => join(DATA, path);
    return {
      asOf,
      folders: folders.map(inData),
      files: [{ path: 'password', ...password }, ...files.map((file) => ({ ...file, path: inData(file.path) }))],
    };
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

const DATA = dataOf('');
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
