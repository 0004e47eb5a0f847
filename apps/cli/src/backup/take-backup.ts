import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { copyFile, EmbeddedServer, sync, syncTree, writeNewFile, type CopiedFile } from '@works/platform/postgres';
import { claim } from '../claim';
import { Home } from '../home';
import { MANIFEST, newManifest, textOf, type Manifest } from './manifest';

/** What belongs to the data and is not in the databases. The keys of the demo organization are in dev.json alone. */
const HOME_FILES = ['secrets.json', 'dev.json'];

/**
 * Backs up the product in `homePath`, running or not, into `directory`, which is new or empty. It has its name only when it is whole and on disk;
 * a backup that fails leaves nothing.
 */
export async function takeBackup(homePath: string, directory: string): Promise<Manifest> {
  if (!existsSync(join(homePath, 'secrets.json')) || !existsSync(join(homePath, 'postgres', 'data')))
    throw new Error(`There is nothing to back up in ${homePath}. WORKS_HOME names the folder of the product.`);
  await refuseTarget(homePath, directory);
  const making = join(dirname(directory), `.${basename(directory)}.making-${randomBytes(4).toString('hex')}`);
  await mkdir(dirname(directory), { recursive: true });
  await mkdir(making, { mode: 0o700 });
  try {
    const manifest = await withServer(new Home(homePath), (server) => copyAll(server, homePath, making));
    await writeNewFile(textOf(manifest), join(making, MANIFEST));
    await syncTree(making);
    await rename(making, directory);
    await sync(dirname(directory));
    return manifest;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

async function refuseTarget(homePath: string, directory: string): Promise<void> {
  if (!relative(homePath, directory).startsWith('..'))
    throw new Error(`${directory} lies in ${homePath} itself: a backup goes somewhere else.`);
  const there = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new Error(`${directory} is no folder that a backup can be written to (${error.code}).`, { cause: error });
  });
  if (there.length > 0) throw new Error(`${directory} is not empty. Name a folder that does not exist yet.`);
}

/** The server that runs; otherwise it is started for as long as this takes, and nobody else may start the product meanwhile. */
async function withServer<Result>(home: Home, work: (server: EmbeddedServer) => Promise<Result>): Promise<Result> {
  const running = await EmbeddedServer.find(home.postgres);
  if (running !== null) return work(running);
  const release = claim(home);
  try {
    const server = await EmbeddedServer.start({ directory: home.postgres });
    return await work(server).finally(() => server.stop());
  } finally {
    release();
  }
}

async function copyAll(server: EmbeddedServer, homePath: string, making: string): Promise<Manifest> {
  const home: CopiedFile[] = [];
  for (const path of HOME_FILES) {
    const copied = await copyFile(join(homePath, path), join(making, 'home', path));
    if (copied !== null) home.push({ path, ...copied });
  }
  const { asOf, folders, files } = await server.backUp(resolve(making, 'postgres'));
  return newManifest({ as_of: asOf.toISOString(), kafka: existsSync(join(homePath, 'kafka')), home, server: { folders, files } });
}
