import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { EmbeddedServer, ensureGroupRoles, migrate } from '../postgres';
import { eventually } from '../testing';
import { describeEventLog, type LogServer } from './conformance';

/** A PostgreSQL of its own: the suite kills it. */
async function startPostgres(): Promise<LogServer> {
  const directory = await mkdtemp(join(tmpdir(), 'works-spec-log-'));
  let server = await EmbeddedServer.start({ directory });
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  await ensureGroupRoles(admin);
  await admin.query("create role spec_app login nosuperuser password 'spec' in role works_service");
  await admin.end();
  await migrate({ url: server.url, directory: resolve(__dirname, '../../../../prisma/log/migrations') });
  return {
    config: { eventLog: 'embedded', logDatabaseUrl: server.urlOf('postgres', 'spec_app', 'spec'), clientId: 'spec' },
    kill: async () => {
      const pid = (await server.pid())!;
      process.kill(pid, 'SIGKILL');
      await eventually(() => expect(() => process.kill(pid, 0)).toThrow(), { withinMs: 10_000 });
    },
    restart: async () => {
      // The killed server's children need a moment to notice and let go of its memory.
      server = await eventually(() => EmbeddedServer.start({ directory }), { withinMs: 20_000 });
    },
    stop: async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

describeEventLog('the embedded event log', startPostgres, { takenOverWithinMs: 3_000, resumedWithinMs: 5_000 });
