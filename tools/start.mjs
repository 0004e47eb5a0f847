// npm start: installs what is missing, builds what has changed, and runs the product. Plain Node, because on a fresh clone there is nothing else.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

const require = createRequire(import.meta.url);
const { claimHome } = require('./claim.cjs');

const unknown = process.argv.slice(2).filter((parameter) => parameter !== '--kafka');
if (unknown.length > 0) {
  console.error(`npm start does not know ${unknown.join(' ')}. It takes --kafka, and PORT and WORKS_HOME from the environment.`);
  process.exit(2);
}

const say = (line) => console.log(`  ${line}`);
const timed = async (name, work) => {
  const startedAt = Date.now();
  await work();
  console.log(`  ● ${name.padEnd(22)} ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
};

let release = () => undefined;
try {
  console.log('\n  SK Works\n');
  // First of all: what runs already is not installed or built over.
  release = claimHome(resolve(process.env.WORKS_HOME || join(root, '.works')));
  await ensureInstalled(say);
  const { build } = await import('./build.mjs');
  await timed('Build', build);
  require(join(root, 'apps/cli/dist/start/main.js'));
} catch (error) {
  release();
  console.error(`\n  It did not start. ${error.message}`);
  process.exit(1);
}
