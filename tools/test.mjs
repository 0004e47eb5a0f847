// npm test                      everything that a change has to pass, cheapest first
// npm test -- lint unit         some parts of it
// npm test -- int libs/platform/src/relay -t 'standby'    what follows the parts is for Jest
// Plain Node, because a fresh clone has nothing else.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

const node = (file, ...parameters) => [process.execPath, [join(root, file), ...parameters]];

/** Need no build and write nothing: two at a time. */
const CHECKS = {
  lint: node('node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0'),
  format: node('node_modules/prettier/bin/prettier.cjs', '--check', '--cache', '--log-level', 'warn', '.'),
  boundaries: node('tools/boundaries.mjs'),
  types: node('tools/typecheck.mjs'),
};

/** One after the other. */
const BUILDS = {
  build: node('tools/build.mjs'),
  openapi: node('tools/openapi.mjs', '--check'),
};

/**
 * The projects of jest.config.cjs. Journeys kill processes and measure time: they have the machine to themselves.
 * A failed test can leave a connection open; that must fail the run, not hold it up for ever.
 */
const SPECS = {
  unit: ['--maxWorkers=2'],
  int: ['--maxWorkers=2', '--forceExit'],
  e2e: ['--runInBand', '--forceExit'],
  chaos: ['--runInBand', '--forceExit'],
};
/** Run what was built. */
const NEED_THE_BUILD = ['openapi', 'e2e', 'chaos'];
/** Talk to PostgreSQL: what they send is written down, and judged at the end. */
const SEND_STATEMENTS = ['int', 'e2e', 'chaos'];
/** Whom a whole run must have heard, as the files of tools/statements/record.cjs begin. */
const SENDERS = ['node-modules-jest', ...['gateway', 'projects', 'tasks', 'webhooks'].map((service) => `apps-${service}-dist-main`)];

const ALL = [...Object.keys(CHECKS), ...Object.keys(BUILDS), ...Object.keys(SPECS)];
const { parts, forJest } = parse(process.argv.slice(2));
const failed = [];
const tests = { passed: 0, failed: 0 };
const startedAt = Date.now();
const sentStatements = mkdtempSync(join(tmpdir(), 'works-statements-sent-'));

await ensureInstalled();
const { generatePrismaClients } = await import('./prisma-generate.mjs');
await generatePrismaClients();

await twoAtATime(wanted(CHECKS).map((name) => () => check(name, CHECKS[name])));
for (const name of wanted(BUILDS)) if (!failed.includes('build')) await check(name, BUILDS[name]);
for (const name of wanted(SPECS)) {
  if (NEED_THE_BUILD.includes(name) && failed.includes('build')) announce(name, 'not run, because the build failed');
  else await specs(name);
}
if (wanted(SPECS).some((name) => SEND_STATEMENTS.includes(name))) await statements();
rmSync(sentStatements, { recursive: true, force: true });

console.log(`\n${failed.length === 0 ? 'All is well' : `Failed: ${failed.join(', ')}`} (${seconds(startedAt)})`);
if (wanted(SPECS).length > 0) console.log(`${tests.passed} passed, ${tests.failed} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

function parse(parameters) {
  const firstForJest = parameters.findIndex((parameter) => !ALL.includes(parameter));
  const named = firstForJest === -1 ? parameters : parameters.slice(0, firstForJest);
  const rest = firstForJest === -1 ? [] : parameters.slice(firstForJest);
  if (rest.length > 0 && !named.some((name) => SPECS[name])) {
    console.error(`${rest[0]} is no part of the tests. There are: ${ALL.join(', ')}.`);
    process.exit(2);
  }
  // What needs the build gets it; it is quick when nothing has changed.
  if (named.some((name) => NEED_THE_BUILD.includes(name))) named.push('build');
  return { parts: named.length > 0 ? named : ALL, forJest: rest };
}

function wanted(group) {
  return Object.keys(group).filter((name) => parts.includes(name));
}

async function twoAtATime(checks) {
  const worker = async () => {
    for (let next = checks.shift(); next; next = checks.shift()) await next();
  };
  await Promise.all([worker(), worker()]);
}

/** Its output is shown when it fails, in one piece; `summary` shows its first line always. */
async function check(name, [program, parameters], { summary = false } = {}) {
  const since = Date.now();
  const { code, output } = await finished(spawn(program, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] }));
  announce(name, `${code === 0 ? 'ok' : 'FAILED'} ${seconds(since)}${summary && code === 0 ? `, ${output.split('\n')[0]}` : ''}`);
  if (code === 0) return;
  failed.push(name);
  console.log(output.trimEnd());
}

/** What the suites sent to PostgreSQL, and what the databases hold. A part of the suites need not have sent anything from everywhere. */
async function statements() {
  const whole = forJest.length === 0 && SEND_STATEMENTS.every((name) => parts.includes(name));
  const parameters = ['tools/statements/check.ts', sentStatements, ...(whole ? SENDERS : [])];
  await check('statements', node('libs/platform/src/testing/run-typescript.cjs', ...parameters), { summary: true });
}

/** Jest talks for itself; how many passed is read from its report. */
async function specs(name) {
  const since = Date.now();
  console.log(`\n── ${name}`);
  const folder = mkdtempSync(join(tmpdir(), 'works-test-'));
  const report = join(folder, 'report.json');
  const [program, parameters] = node(
    'node_modules/jest/bin/jest.js',
    '-c',
    'jest.config.cjs',
    '--selectProjects',
    name,
    '--json',
    `--outputFile=${report}`,
  );
  const child = spawn(program, [...parameters, ...SPECS[name], ...forJest], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: SEND_STATEMENTS.includes(name) ? recording() : process.env,
  });
  const { code, signal } = await finished(child);
  const problems = code === 0 ? [] : [signal ? `Jest was ended by ${signal}` : `Jest ended with ${code}`];
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    tests.passed += result.numPassedTests;
    // A file that could not be run has no tests to count, and is a failure all the same.
    tests.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    const skipped = result.numPendingTests + result.numTodoTests;
    if (skipped > 0 && forJest.length === 0) problems.push(`${skipped} skipped`);
  } catch {
    problems.push('it left no report');
    tests.failed += 1;
  }
  rmSync(folder, { recursive: true, force: true });
  if (problems.length > 0) failed.push(name);
  announce(name, `${problems.length === 0 ? 'ok' : `FAILED (${problems.join(', ')})`} ${seconds(since)}`);
}

/** For whatever the suites start; Jest's own modules have it by setupFiles. */
function recording() {
  const load = `--require=${join(root, 'tools/statements/record.cjs').replaceAll(' ', '\\ ')}`;
  return { ...process.env, WORKS_STATEMENTS: sentStatements, NODE_OPTIONS: [process.env.NODE_OPTIONS, load].filter(Boolean).join(' ') };
}

function finished(child) {
  return new Promise((done, refused) => {
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    child.on('error', refused);
    child.on('close', (code, signal) => done({ code, signal, output: Buffer.concat(chunks).toString() }));
  });
}

function announce(name, text) {
  console.log(`── ${name}: ${text}`);
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
