// npm run bench [-- NAME …] [-- --seconds N]: measures, prints the table that docs/performance.md shows. Nothing here is a test.
import { cpus, totalmem } from 'node:os';
import { ensureInstalled } from './install.mjs';

const ALL = [
  'accept-task',
  'key-claim',
  'complete-task',
  'scaffold',
  'dry-run',
  'queue',
  'overdue-scan',
  'list-pages',
  'append-at-size',
  'webhook-latency',
  'deliveries',
  'end-to-end',
  'backlog',
  'lateness',
  'sustained',
  'claim',
  'isolation',
  'replay',
  'rebuild',
  'memory',
];
const parameters = process.argv.slice(2);
const secondsAt = parameters.indexOf('--seconds');
const options = secondsAt === -1 ? {} : { seconds: Number(parameters[secondsAt + 1]) };
const names = parameters.filter((name) => ALL.includes(name));
const unknown = parameters.filter(
  (name, index) => !ALL.includes(name) && name !== '--seconds' && (secondsAt === -1 || index !== secondsAt + 1),
);
if (options.seconds !== undefined && !(options.seconds > 0)) unknown.push(`--seconds ${parameters[secondsAt + 1] ?? ''}`);
if (unknown.length > 0) {
  console.error(`Not a measurement: ${unknown.join(', ')}. There are: ${ALL.join(', ')}.`);
  process.exit(2);
}

await ensureInstalled();
console.log(`${cpus().length} × ${cpus()[0].model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`);
console.log('\n| What | At least | Measured | |\n|---|---|---|---|');
for (const name of names.length > 0 ? names : ALL) {
  const { title, least, measure } = await import(`../bench/${name}.mjs`);
  const { figure, details } = await measure(options);
  console.log(`| ${title} | ${least} | **${figure}** | ${details} |`);
}
