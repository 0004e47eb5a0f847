import { execFile } from 'node:child_process';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { runServerProgram } from './account';

const run = promisify(execFile);

/** A server that is alive and gets ready is waited for, on a busy machine too; one that has ended is noticed at once. */
const START_TIMEOUT_SECONDS = 600;
const STOP_TIMEOUT_SECONDS = 6;
const LOOK_AGAIN_MS = 50;
const ANSWER_TIMEOUT_MS = 2_000;

/** Larger than any process id of any system: nobody has it, and nobody will. */
const NOBODYS_PID = 999_999_999;

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** The files of a server: the cluster in `data`, its log beside it. */
export const dataOf = (directory: string): string => join(directory, 'data');
const pidFileOf = (directory: string): string => join(dataOf(directory), 'postmaster.pid');
const settingsOf = (directory: string): string => join(dataOf(directory), 'postgresql.auto.conf');
const logOf = (directory: string): string => join(directory, 'server.log');

/** The server that runs on this directory, whoever started it, once it has finished starting or stopping; null when none runs. */
export async function runningPostmaster(directory: string): Promise<Postmaster | null> {
  const giveUpAt = performance.now() + START_TIMEOUT_SECONDS * 1_000;
  for (;;) {
    const found = await readPidFile(directory);
    if (found === null || !(await serves(found.pid, directory))) return null;
    if (found.status === 'ready' && (await answers(found.port))) return { pid: found.pid, port: found.port };
    if (performance.now() > giveUpAt)
      throw new Error(`PostgreSQL in ${directory} (process ${found.pid}) is ${found.status} and does not get ready`);
    await delay(LOOK_AGAIN_MS);
  }
}

/** The process id in the pid file, without asking whether it runs. */
export async function lastPid(directory: string): Promise<number | null> {
  return (await readPidFile(directory))?.pid ?? null;
}

/** Lines of postmaster.pid as the server writes them: pid, data, start time, port, socket folder, address, shared memory, status. */
async function readPidFile(directory: string): Promise<(Postmaster & { status: string }) | null> {
  const lines = await readFile(pidFileOf(directory), 'utf8').then(
    (text) => text.split('\n').map((line) => line.trim()),
    () => [],
  );
  const pid = Number(lines[0]);
  return pid > 0 ? { pid, port: Number(lines[3]), status: lines[7] || 'starting' } : null;
}

/**
 * After a reboot, or in a new container on old data, the number in the pid file can belong to any program:
 * only one that was started on this very folder is our server.
 */
async function serves(pid: number, directory: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() =>
    run('ps', ['-p', String(pid), '-o', 'command=']).then(
      ({ stdout }) => stdout,
      () => '',
    ),
  );
  return command.includes(dataOf(directory));
}

/** `SSLRequest` of the wire protocol (manual, 54.7): a server that serves says yes or no in one byte; one that is being killed says nothing. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(SSL_REQUEST));
    const end = (answered: boolean) => {
      resolve(answered);
      socket.destroy();
    };
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(false));
  });

/** Starts the server on the port of its last start, so that connection strings stay valid; on another one when that is taken. */
export async function launchPostmaster(
  directory: string,
  settings: Readonly<Record<string, string>>,
  timeoutSeconds = START_TIMEOUT_SECONDS,
): Promise<Postmaster> {
  const giveUpAt = performance.now() + timeoutSeconds * 1_000;
  await disownForeignPid(directory);
  for (;;) {
    await writeSettings(directory, { ...settings, port: String(await freePort(directory)) });
    const logged = await sizeOf(logOf(directory));
    const failure = await pgCtl(directory, ['start', '-w', '-t', String(timeoutSeconds), '-l', logOf(directory)]).then(
      () => null,
      (error: Error) => error,
    );
    const running = await runningPostmaster(directory);
    if (running) return running; // also when somebody else was faster
    const said = (await readFrom(logOf(directory), logged)).trim();
    if (!isPassing(said) || performance.now() > giveUpAt) {
      throw new Error(`PostgreSQL did not start in ${directory}: ${said || failure?.message}`, { cause: failure });
    }
    await delay(LOOK_AGAIN_MS);
  }
}

/** Fast shutdown: transactions in flight are rolled back, everything committed is on disk. What does not end in time is ended, and recovers at its next start. */
export async function stopPostmaster(directory: string): Promise<void> {
  const stop = (mode: string) => pgCtl(directory, ['stop', '-m', mode, '-w', '-t', String(STOP_TIMEOUT_SECONDS)]);
  await stop('fast').catch(() => stop('immediate'));
}

const pgCtl = (directory: string, parameters: string[]): Promise<void> =>
  runServerProgram('pg_ctl', [...parameters, '-D', dataOf(directory)], dataOf(directory));

/** The processes of a server whose postmaster was killed need a moment to let go of its memory; a port can be taken under our hands. */
const isPassing = (said: string): boolean => /still in use|could not create any TCP\/IP sockets|Address already in use/.test(said);

/**
 * A pid file whose number now belongs to another program of ours would make the server refuse to start. Taking the file away would also take
 * away what guards against processes of the old server that still write: so only the number is replaced.
 */
async function disownForeignPid(directory: string): Promise<void> {
  const found = await readPidFile(directory);
  if (found === null || !isAlive(found.pid) || (await serves(found.pid, directory))) return;
  const text = await readFile(pidFileOf(directory), 'utf8');
  await writeFile(pidFileOf(directory), text.replace(/^.*$/m, String(NOBODYS_PID)));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's
  }
}

async function writeSettings(directory: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  await writeFile(settingsOf(directory), lines.join(''));
}

async function freePort(directory: string): Promise<number> {
  const settings = await readFile(settingsOf(directory), 'utf8').catch(() => '');
  const before = Number(/^port = '(\d+)'$/m.exec(settings)?.[1] ?? 0);
  return probePort(before).catch(() => probePort(0));
}

const probePort = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

async function readFrom(file: string, position: number): Promise<string> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return '';
  try {
    const { buffer, bytesRead } = await handle.read({ position, buffer: Buffer.alloc(8_192) });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
