import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './hand-over';
import { closedFolder, programsFor } from './programs';

export { handOver } from './hand-over';

const run = promisify(execFile);

/** `nobody` on every Linux: it needs no account of its own, and no program to make one. */
const NOBODY = 65_534;

/** The owner of the data that is there; null when no other account is needed. */
export async function accountFor(data: string): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(data).catch(() => null);
  return owner === null || owner.uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid: owner.uid, gid: owner.gid };
}

/** Runs `initdb` or `pg_ctl` as the account that owns the data; the message of a failure is what the program said. */
export async function runServerProgram(program: 'initdb' | 'pg_ctl', parameters: readonly string[], data: string): Promise<void> {
  const directory = dirname(data);
  const account = await accountFor(data);
  const file = join(await programsFor(account, account ? runsAs(account) : () => Promise.resolve(true)), 'bin', program);
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

/** Whether the account can run what is in the folder: it can lie on a file system with `noexec`. */
const runsAs = (account: Account) => (programs: string) =>
  run(join(programs, 'bin', 'postgres'), ['--version'], { cwd: '/', ...account }).then(
    () => true,
    () => false,
  );

/**
 * A home inside a private folder (`/root`, `mktemp -d`) cannot be entered by the account. There it is given the one right that it lacks, to enter
 * folders and read files, and stays without all others of root. `setpriv` is in util-linux.
 */
async function asAccount(account: Account, command: string[], directory: string): Promise<string[]> {
  const closed = await closedFolder(directory, account);
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
