// npm run loaded                         everything below, beside four busy loops
// npm run loaded -- projects neighbour   some of it: projects, neighbour, tests (which are model, unit, int, e2e and chaos)
// npm run loaded -- projects --projects 100 --in-flight 16 --kafka --loops 2
// npm run loaded -- neighbour --seconds 20 --turns 3
// Beside processes that want every core, nothing may fail that does not fail alone. For an hour that nobody needs the machine; `npm test` runs a little of it.
import { fork, spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled, root } from './install.mjs';

const runTypescript = join(root, 'libs/platform/src/testing/run-typescript.cjs');
const test = (...parameters) => [join(root, 'tools/test.mjs'), ...parameters];

const PRODUCT = ['projects', 'neighbour'];
const TESTS = { model: test('e2e', 'e2e/model'), unit: test('unit'), int: test('int'), e2e: test('e2e'), chaos: test('chaos') };
const ALL = [...PRODUCT, ...Object.keys(TESTS)];

const { values, positionals } = parse();
const number = (name) => {
  if (!/^\d+$/.test(values[name]) || (name !== 'loops' && Number(values[name]) === 0))
    refuse(`--${name} takes a whole number, not ${values[name]}.`);
  return Number(values[name]);
};
const options = {
  kafka: values.kafka,
  projects: number('projects'),
  inFlight: number('in-flight'),
  seconds: number('seconds'),
  turns: number('turns'),
};
const loops = number('loops');
const unknown = positionals.filter((name) => name !== 'tests' && !ALL.includes(name));
if (unknown.length > 0)
  refuse(
    `Not a part of the loaded runs: ${unknown.join(', ')}. There are: ${PRODUCT.join(', ')}, tests (${Object.keys(TESTS).join(', ')}).`,
  );
const parts = ALL.filter(
  (name) => positionals.length === 0 || positionals.includes(name) || (name in TESTS && positionals.includes('tests')),
);

await ensureInstalled();
const { build } = await import('./build.mjs');
await build();

const busy = Array.from({ length: loops }, () => fork(join(root, 'tools/busy-loop.cjs')));
const failed = [];
for (const name of parts) {
  const since = Date.now();
  console.log(`\n── ${name}, beside ${loops} busy loops`);
  const code = await run(TESTS[name] ?? [runTypescript, join(root, 'e2e/loaded/run.ts'), name, JSON.stringify(options)]);
  console.log(`── ${name}: ${code === 0 ? 'ok' : 'FAILED'} ${((Date.now() - since) / 1_000).toFixed(1)} s`);
  if (code !== 0) failed.push(name);
}
for (const loop of busy) loop.kill('SIGKILL');
console.log(`\n${failed.length === 0 ? 'All is well' : `Failed: ${failed.join(', ')}`}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function parse() {
  const string = (value) => ({ type: 'string', default: value });
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        loops: string('4'),
        projects: string('1000'),
        'in-flight': string('16'),
        seconds: string('20'),
        turns: string('3'),
        kafka: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return refuse(error.message);
  }
}

function run([file, ...parameters]) {
  return new Promise((done) => {
    const child = spawn(process.execPath, [file, ...parameters], { cwd: root, stdio: 'inherit' });
    child.on('close', (code) => done(code ?? 1));
  });
}

function refuse(why) {
  console.error(why);
  process.exit(2);
}
