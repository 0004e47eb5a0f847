// A server for one run of specs: says its address, and ends with everything it made when its standard input ends.
// That happens by itself when whoever started it is gone, however that ended: an interrupted run leaves nothing behind.
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedServer } from '../../libs/platform/src/postgres/embedded-server';

async function keepPostgres(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'works-spec-postgres-'));
  const nobodyNeedsIt = new Promise((done) => process.stdin.once('close', done).resume());
  const icuLocale = process.argv[3];
  const server = await EmbeddedServer.start({ directory, ...(icuLocale !== undefined && { icuLocale }) });
  process.stdout.on('error', () => undefined).write(`${server.url}\n`); // the reader may be gone already
  await nobodyNeedsIt;
  await server.stop();
  await rm(directory, { recursive: true, force: true });
}

void keepPostgres();
