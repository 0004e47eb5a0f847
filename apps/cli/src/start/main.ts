import { start } from './start';

// Whoever watched may go away (a closed terminal, a pipe to head): the product stays, and stops in order when it is asked.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const port = Number(process.env['PORT'] ?? 4_000);
if (!Number.isInteger(port) || port < 1 || port > 65_535) {
  process.stderr.write('PORT is wrong: expected a whole number from 1 to 65535\n');
  process.exit(1);
}
start({ port, kafka: process.argv.includes('--kafka') }).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
