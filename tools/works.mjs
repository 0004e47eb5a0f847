// npm run works: the operator's command line. Says nothing of its own when everything is in place.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

try {
  await ensureInstalled((line) => console.error(line));
  const main = join(root, 'apps/cli/dist/main.js');
  if (!existsSync(main)) await (await import('./build.mjs')).build();
  createRequire(import.meta.url)(main);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
