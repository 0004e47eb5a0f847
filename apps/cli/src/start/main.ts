import { Progress } from './progress';
import { start } from './start';

// Whoever watched may go away (a closed terminal, a pipe to head): the product stays, and stops in order when it is asked.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const port = Number(process.env['PORT'] ?? 4_000);
if (!Number.isInteger(port) || port < 1 || port > 65_535) {
  fail(new Error('PORT is wrong: expected a whole number from 1 to 65535.'));
}
start({ port, kafka: process.argv.includes('--kafka') }).catch(fail);

function fail(error: Error): never {
  new Progress().failed(error);
  process.exit(1);
}
