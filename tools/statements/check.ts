// node libs/platform/src/testing/run-typescript.cjs tools/statements/check.ts <folder of record.cjs> [a program that must have been heard …]
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModule } from 'libpg-query';
import { Client } from 'pg';
import { EmbeddedServer } from '../../libs/platform/src/postgres/embedded-server';
import { migrate } from '../../libs/platform/src/postgres/migrate';
import { ensureGroupRoles } from '../../libs/platform/src/postgres/provision';
import { readCatalogue, type StoredTexts } from './catalogue';
import { judgeRun } from './judge-run';

const prisma = join(__dirname, '../../prisma');

async function check([folder, ...programs]: string[]): Promise<void> {
  await loadModule();
  const { problems, statements, functions, views, refused } = judgeRun({
    sent: sentIn(folder!),
    databases: await migratedDatabases(),
    programs,
  });
  process.stdout.write(`${statements} statements (${refused} that PostgreSQL refuses), ${functions} functions, ${views} views judged\n`);
  for (const problem of problems) process.stdout.write(`\n${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}

function sentIn(folder: string): Map<string, string[]> {
  return new Map(readdirSync(folder).map((file) => [file, linesOf(readFileSync(join(folder, file), 'utf8'))]));
}

/** A process that was killed may have left half a line at the end. */
const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as string);

/** As every migration of today leaves them, on a server for the purpose. */
async function migratedDatabases(): Promise<Map<string, StoredTexts>> {
  const directory = mkdtempSync(join(tmpdir(), 'works-statements-'));
  const server = await EmbeddedServer.start({ directory });
  const admin = new Client({ connectionString: server.url });
  try {
    await admin.connect();
    await ensureGroupRoles(admin);
    const names = readdirSync(prisma, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
    const databases = new Map<string, StoredTexts>();
    for (const name of names) {
      await admin.query(`create database ${name}`);
      const url = Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
      await migrate({ url, directory: join(prisma, name, 'migrations') });
      databases.set(name, await readCatalogue(url));
    }
    return databases;
  } finally {
    await admin.end();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

void check(process.argv.slice(3));
