// Everything that must be made before the product can run: Prisma clients and the transpiled projects. Quick when nothing has changed.
import { join } from 'node:path';
import { root, run } from './install.mjs';
import { generatePrismaClients } from './prisma-generate.mjs';

export async function build() {
  await generatePrismaClients();
  const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' };
  await run(process.execPath, [join(root, 'node_modules/nx/dist/bin/nx.js'), 'run-many', '-t', 'build', '--output-style=static'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

if (process.argv[1]?.endsWith('build.mjs')) await build();
