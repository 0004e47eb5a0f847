import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `sun_path` in unix(7) has 108 bytes on Linux and 104 on macOS, and the last one ends it. */
const PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103;
const LONGEST_NAME = 'projects.sock';

/**
 * Where the services of a home listen: its folder `run`. Where that makes a path too long for a socket, a folder for temporary files has a short
 * one with a name that nobody can know beforehand, and `run/elsewhere` says which. Guarantees that nobody else can listen there in a service's
 * place: whoever does is the service.
 */
export function socketFolder(home: string): string {
  const run = join(home, 'run');
  mkdirSync(run, { recursive: true, mode: 0o700 });
  chmodSync(run, 0o700);
  if (Buffer.byteLength(join(run, LONGEST_NAME)) <= PATH_BYTES_MAX) return run;
  const note = join(run, 'elsewhere');
  const noted = read(note);
  if (noted !== null && isOursAlone(noted)) return noted;
  const made = mkdtempSync(join(tmpdir(), 'works-'));
  if (Buffer.byteLength(join(made, LONGEST_NAME)) > PATH_BYTES_MAX)
    throw new Error(`${run} and ${made} are too long for the paths of sockets. Choose a shorter WORKS_HOME or TMPDIR.`);
  writeFileSync(`${note}.new`, made, { mode: 0o600 });
  renameSync(`${note}.new`, note);
  return made;
}

function isOursAlone(folder: string): boolean {
  try {
    const found = lstatSync(folder); // a link is not followed
    return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  } catch {
    return false; // cleared away
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
