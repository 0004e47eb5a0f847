import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home';

/** Stands in a home while a restore lays it. */
export const RESTORING = '.restoring';

/**
 * One process at a time has a home to itself: two supervisors on one folder would start everything twice, and a product that starts in the
 * middle of a backup of what stood still would have its database stopped. Returns what gives it back.
 */
export function claim(home: Home): () => void {
  if (existsSync(join(home.path, RESTORING)))
    throw new Error(
      `A restore into ${home.path} is under way, or has been interrupted. If none runs any more, delete the folder and restore again.`,
    );
  const file = join(home.path, 'supervisor.pid');
  try {
    const descriptor = openSync(file, 'wx');
    writeFileSync(descriptor, String(process.pid));
    closeSync(descriptor);
  } catch {
    const other = holderOf(home);
    if (other !== null) throw new Error(`The product runs already in ${home.path}, started by process ${other}.`);
    writeFileSync(file, String(process.pid));
  }
  return () => rmSync(file, { force: true });
}

/** The process that has the home, or null. */
export function holderOf(home: Home): number | null {
  const file = join(home.path, 'supervisor.pid');
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  return pid !== process.pid && pid > 0 && isAlive(pid) && isOurs(pid) ? pid : null;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A process number is given out again: only another `npm start`, or a backup, counts. */
function isOurs(pid: number): boolean {
  try {
    return /\b(start|works)\.mjs\b/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return true;
  }
}
