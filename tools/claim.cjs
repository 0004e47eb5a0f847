// One process at a time has a home to itself: two supervisors on one folder would start everything twice, a second start would build over what
// runs, and a product that starts in the middle of a backup of what stood still would have its database stopped.
// Plain Node, because `npm start` claims its home before anything is installed or built.
const {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const { join } = require('node:path');

/** Stands in a home while a restore lays it. */
const RESTORING = '.restoring';
/** What a home has from its first start on. */
const OF_A_PRODUCT = ['secrets.json', 'supervisor.pid'];

/** Claims the folder, and makes it when it is not there. Returns what gives it back; a second claim of the same process is the first. */
function claimHome(path) {
  if (existsSync(join(path, RESTORING)))
    throw new Error(
      `A restore into ${path} is under way, or has been interrupted. If none runs any more, delete the folder and restore again.`,
    );
  makeHome(path);
  const file = fileIn(path);
  const mine = `${file}.${process.pid}`;
  // By a second name, so that nobody ever reads a claim that has no number yet.
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, file);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const other = holderOf(path);
    if (other !== null) throw new Error(`The product runs already in ${path}, started by process ${other}.`);
    renameSync(mine, file);
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(file, { force: true });
}

/**
 * Makes the folder, which nobody else may enter. One that was there is closed to others when it is empty or a product's; one that holds something
 * else (`WORKS_HOME=/srv`) is left as it is: others may need it, and what we make in it is closed for itself.
 */
function makeHome(path) {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(path);
  if (uid !== process.getuid?.() || (mode & 0o077) === 0 || mode & 0o1000) return;
  const names = readdirSync(path);
  if (names.length === 0 || OF_A_PRODUCT.some((name) => names.includes(name))) chmodSync(path, 0o700);
}

/** The process that has the home, or null. */
function holderOf(path) {
  const file = fileIn(path);
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  return pid !== process.pid && pid > 0 && isAlive(pid) && isOurs(pid) ? pid : null;
}

const fileIn = (path) => join(path, 'supervisor.pid');

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** A process number is given out again: only another `npm start`, or a backup, counts. */
function isOurs(pid) {
  try {
    return /\b(start|works)\.mjs\b/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return true;
  }
}

module.exports = { claimHome, holderOf, makeHome, RESTORING };
