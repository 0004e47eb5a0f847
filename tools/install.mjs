// Dependencies, as the lock file says: installed when missing or older than the lock. Plain Node, because there may be nothing else yet.
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const OLDEST_NODE = [20, 19];

export async function ensureInstalled(say = console.log) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new Error(`Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}.`);
  }
  const installed = modifiedAt('node_modules/.package-lock.json');
  if (installed >= modifiedAt('package-lock.json') && installed > 0) return;
  say('Installing dependencies (a minute or two, the first time only) …');
  const startedAt = Date.now();
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  say(`Installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

/** Runs a program in the root folder with its output on ours; rejects with its name when it fails. */
export function run(program, parameters, options = {}) {
  return new Promise((done, failed) => {
    const child = spawn(program, parameters, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
    child.on('error', failed);
    child.on('close', (code) => (code === 0 ? done() : failed(new Error(`${program} ${parameters.join(' ')} ended with ${code}`))));
  });
}

export function modifiedAt(file) {
  try {
    return statSync(join(root, file)).mtimeMs;
  } catch {
    return 0;
  }
}
