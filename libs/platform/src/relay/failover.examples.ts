import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { accountFor, handOver } from '../postgres/embedded/account';
import { EmbeddedServer } from '../postgres';
import { StableAddress } from '../postgres/stable-address.examples';
import { eventually, testDatabase, type TestDatabase } from '../testing';

/** Small, and without a segment of shared memory that a killed server would leave behind. */
const SETTINGS = { shared_buffers: '32MB', dynamic_shared_memory_type: 'mmap', max_connections: '60' };
const REPLICATION_PASSWORD = 'spec';

/** A primary with a database of the platform, a standby that follows it, and the address that leads to whichever is to be written to. */
export class PairOfServers {
  private constructor(
    private readonly folder: string,
    readonly primary: EmbeddedServer,
    readonly standby: EmbeddedServer,
    readonly address: StableAddress,
    private readonly database: TestDatabase,
  ) {}

  /** With `synchronous` no commit is answered before the standby has it on disk. */
  static async start({ synchronous }: { synchronous: boolean }): Promise<PairOfServers> {
    const folder = mkdtempSync(join(tmpdir(), 'works-spec-failover-'));
    const primary = await EmbeddedServer.start({ directory: join(folder, 'primary'), settings: SETTINGS });
    const database = await testDatabase('platform', primary.url);
    await asked(primary.url, `create role standby replication login password '${REPLICATION_PASSWORD}'`);
    const standby = await standbyOf(primary, folder);
    await eventually(async () => expect(await asked(primary.url, FOLLOWERS)).toEqual([{ state: 'streaming' }]));
    if (synchronous) {
      await asked(primary.url, `alter system set synchronous_standby_names = 'standby'`);
      await asked(primary.url, 'select pg_reload_conf()');
      await eventually(async () => expect(await asked(primary.url, SYNCHRONOUS)).toEqual([{ sync_state: 'sync' }]));
    }
    const address = await StableAddress.open();
    address.leadTo(primary.url);
    return new PairOfServers(folder, primary, standby, address, database);
  }

  /** By the stable address. */
  get appUrl(): string {
    return this.address.of(this.database.appUrl);
  }

  get workerUrl(): string {
    return this.address.of(this.database.workerUrl);
  }

  get superuserUrl(): string {
    return this.address.of(this.database.superuserUrl);
  }

  /** The standby gets nothing more, as if the network between the two were cut. */
  async cutReplication(): Promise<void> {
    await asked(this.standby.url, `alter system set primary_conninfo = ''`);
    await asked(this.standby.url, 'select pg_reload_conf()');
    await eventually(async () => expect(await asked(this.primary.url, FOLLOWERS)).toEqual([]));
  }

  /** SIGKILL for the postmaster and all its processes, at one moment. Nobody is behind the address then. */
  async killPrimary(): Promise<void> {
    const pid = (await this.primary.pid())!;
    const processes = [pid, ...childrenOf(pid)];
    for (const each of processes) killIfThere(each);
    this.address.leadTo(null);
  }

  /** The address leads to the standby, promoted or not. */
  leadToStandby(): void {
    this.address.leadTo(this.standby.url);
  }

  /** Resolves when the standby takes writes. */
  async promote(): Promise<void> {
    await asked(this.standby.url, 'select pg_promote(true, 60)');
  }

  async stop(): Promise<void> {
    await this.address.close();
    await Promise.all([this.primary.stop(), this.standby.stop()]);
    await rm(this.folder, { recursive: true });
  }
}

const FOLLOWERS = 'select state from pg_stat_replication';
const SYNCHRONOUS = 'select sync_state from pg_stat_replication';

/** From a base backup, as an operator makes one with pg_basebackup. */
async function standbyOf(primary: EmbeddedServer, folder: string): Promise<EmbeddedServer> {
  const directory = join(folder, 'standby');
  await primary.backUp(`${directory}.making`);
  await writeFile(join(`${directory}.making`, 'data', 'standby.signal'), '');
  const account = await accountFor(join(`${directory}.making`, 'data'));
  const below = readdirSync(`${directory}.making`, { recursive: true, encoding: 'utf8' });
  await handOver(account, `${directory}.making`, ...below.map((path) => join(`${directory}.making`, path)));
  await rename(`${directory}.making`, directory);
  const { hostname, port } = new URL(primary.url);
  const primary_conninfo = `host=${hostname} port=${port} user=standby password=${REPLICATION_PASSWORD} application_name=standby`;
  return EmbeddedServer.start({ directory, settings: { ...SETTINGS, primary_conninfo, wal_retrieve_retry_interval: '200ms' } });
}

/** The second field after the name, which is in brackets and may hold anything, is the parent (proc_pid_stat(5)). */
function childrenOf(parent: number): number[] {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
    } catch {
      return false; // it has ended
    }
  });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function asked<Row extends object>(url: string, sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
