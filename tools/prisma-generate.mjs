// A Prisma client for every prisma/*/schema.prisma, made again only when the schema has changed.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './install.mjs';

export async function generatePrismaClients() {
  const folders = readdirSync(join(root, 'prisma'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  await Promise.all(folders.map(({ name }) => generate(join(root, 'prisma', name))));
}

async function generate(folder) {
  const schema = join(folder, 'schema.prisma');
  if (!existsSync(schema)) return;
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/prisma/package.json'), 'utf8'));
  const checksum = createHash('sha256').update(version).update(readFileSync(schema)).digest('hex');
  const stamp = join(folder, 'client', '.made-from');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === checksum) return;
  // The client generator is WebAssembly inside the package; the schema engine, a download, is not needed for it, only looked for.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' };
  const prisma = join(root, 'node_modules/prisma/build/index.js');
  // What it says of its success would stand in the middle of what `npm start` says; a failure carries all of it.
  await promisify(execFile)(process.execPath, [prisma, 'generate', '--schema', schema, '--no-hints'], { env });
  writeFileSync(stamp, checksum);
}

if (process.argv[1]?.endsWith('prisma-generate.mjs')) await generatePrismaClients();
