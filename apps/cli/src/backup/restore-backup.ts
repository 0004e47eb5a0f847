import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { copyFile, DATABASES, EmbeddedServer, examine, fewAtATime, sync } from '@works/platform/postgres';
import { RESTORING } from '../claim';
import { readManifest, type Manifest } from './manifest';

/**
 * Restores `backup` into the folder `homePath`, which is empty or not there, and stops the database server again: the next start finds what was
 * backed up. The folder is nothing that a product could start from before all of it is in place.
 */
export async function restoreBackup(backup: string, homePath: string): Promise<Manifest> {
  const manifest = await readManifest(backup);
  await refuseHome(homePath);
  await verify(backup, manifest);
  const aside = join(homePath, RESTORING);
  await mkdir(homePath, { recursive: true });
  // The server's account has to pass, and to see nothing.
  await mkdir(aside, { mode: 0o711 });
  try {
    const server = await EmbeddedServer.restore(join(backup, 'postgres'), join(aside, 'postgres'), manifest.server);
    await goOn(server, manifest).finally(() => server.stop());
    for (const { path } of manifest.home) await copyFile(join(backup, 'home', path), join(aside, path));
    for (const path of [...manifest.home.map(({ path }) => path), 'postgres']) await rename(join(aside, path), join(homePath, path));
    await sync(homePath);
  } catch (error) {
    // The folder was empty before.
    await Promise.all(
      [...manifest.home.map(({ path }) => path), 'postgres'].map((path) => rm(join(homePath, path), { recursive: true, force: true })),
    );
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
  await rm(aside, { recursive: true });
  await sync(homePath);
  await sync(dirname(homePath));
  return manifest;
}

/** Folders that are empty (of logs, say) are no product. */
async function refuseHome(homePath: string): Promise<void> {
  const there = await readdir(homePath, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const file = there.find((entry) => !entry.isDirectory());
  if (file === undefined) return;
  throw new Error(
    `${homePath} is not empty (${file.name}): a restore would mix two products. Name another folder in WORKS_HOME, or stop the product there and move the folder away.`,
  );
}

/** Before anything is laid: a damaged file is found while the place where it came from can still be asked again. */
async function verify(backup: string, { home, server }: Manifest): Promise<void> {
  const files = [
    ...home.map((file) => ({ ...file, path: join('home', file.path) })),
    ...server.files.map((file) => ({ ...file, path: join('postgres', file.path) })),
  ];
  await fewAtATime(files, async ({ path, bytes, sha256 }) => {
    const found = await examine(join(backup, path));
    if (found === null) throw new Error(`The backup is damaged: ${join(backup, path)} is missing. Nothing was restored.`);
    if (found.bytes !== bytes || found.sha256 !== sha256)
      throw new Error(`The backup is damaged: ${join(backup, path)} is not what was written. Nothing was restored.`);
  });
}

/**
 * The databases go on from an instant that lies behind: positions given after it were given to others, and a new epoch tells them apart. And where
 * the event log is not part of the backup, it begins empty: what it may still have held for somebody is published once more. Whoever had it knows it.
 */
async function goOn(server: EmbeddedServer, { kafka }: Manifest): Promise<void> {
  for (const database of DATABASES) {
    const url = new URL(server.url);
    url.pathname = `/works_${database}`;
    const client = new Client({ connectionString: url.href, application_name: 'works restore' });
    await client.connect();
    try {
      if (await has(client, `to_regprocedure('public.works_begin_epoch()')`)) await client.query('select public.works_begin_epoch()');
      if (kafka && (await has(client, `to_regclass('public.outbox')`))) await client.query(TELL_AGAIN);
    } finally {
      await client.end();
    }
  }
}

/** No database has more than it needs: that of the log has no positions, and that of the gateway no facts. */
async function has(client: Client, lookup: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(`select ${lookup} is not null as there`);
  return rows[0]!.there;
}

/**
 * By position and not by time, which a test clock may have moved. A reaction that is this far behind has been named as late for a long time, and to be
 * told of so many facts again takes consumers about a minute.
 */
const TOLD_AGAIN = 100_000;

const TELL_AGAIN = `
  insert into public.outbox (position, organization_id, livemode)
    select e.position, e.organization_id, e.livemode from public.events e
     where e.topic is not null and e.position > (select max(n.position) from public.events n) - ${TOLD_AGAIN}
  on conflict do nothing`;
