// npm start: installs what is missing, builds what has changed, and runs the product. Plain Node, because on a fresh clone there is nothing else.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

const say = (line) => console.log(`  ${line}`);
const timed = async (name, work) => {
  const startedAt = Date.now();
  await work();
  console.log(`  ● ${name.padEnd(22)} ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
};

try {
  console.log('\n  SK Works\n');
  await ensureInstalled(say);
  const { build } = await import('./build.mjs');
  await timed('Build', build);
  createRequire(import.meta.url)(join(root, 'apps/cli/dist/start/main.js'));
} catch (error) {
  console.error(`\n  It did not start. ${error.message}`);
  process.exit(1);
}
