// npm run chaos -- --events 100000 --kills 100 --seed 42 --log kafka
// Kills processes at random while events flow, and prints what came of it. `npm test` runs a short one on each log.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled, root } from './install.mjs';

const { values } = read({
  options: { events: { type: 'string' }, kills: { type: 'string' }, seed: { type: 'string' }, log: { type: 'string' } },
});
for (const name of ['events', 'kills', 'seed']) {
  if (values[name] !== undefined && !/^\d+$/.test(values[name])) refuse(`--${name} takes a whole number, not ${values[name]}.`);
}
if (!['embedded', 'kafka', undefined].includes(values.log)) refuse(`--log is embedded or kafka, not ${values.log}.`);

await ensureInstalled();
await run(join(root, 'tools/build.mjs'), []);
const environment = Object.fromEntries(Object.entries(values).map(([name, value]) => [`CHAOS_${name.toUpperCase()}`, value]));
const jest = join(root, 'node_modules/jest/bin/jest.js');
await run(jest, ['--selectProjects', 'chaos', '--runInBand', '--forceExit', 'nothing-accepted-is-lost'], {
  CHAOS_EVENTS: '20000',
  CHAOS_KILLS: '30',
  ...environment,
});

function run(file, parameters, environment = {}) {
  return new Promise((done) => {
    const child = spawn(process.execPath, [file, ...parameters], { cwd: root, stdio: 'inherit', env: { ...process.env, ...environment } });
    child.on('close', (code) => (code === 0 ? done() : process.exit(code ?? 1)));
  });
}

function read(options) {
  try {
    return parseArgs(options);
  } catch (error) {
    return refuse(error.message);
  }
}

function refuse(why) {
  console.error(why);
  process.exit(2);
}
