import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Client } from 'pg';
import { copyFile, fewAtATime, writeNewFile, type CopiedFile } from './copied-file';

/** What a cluster consists of, without what belongs to its running server alone (manual, 25.3.4, "Backing Up the Data Directory"). */
const LEFT_OUT =
  /^(postmaster\.(pid|opts)|backup_label(\.old)?|tablespace_map(\.old)?|.*\/pgsql_tmp.*|(.*\/)?pg_internal\.init(\..*)?|current_logfiles|log\/.*)$/;
/** Folders that must be there, and whose content is made anew; of the write-ahead log just the needed part is taken. */
const CONTENT_LEFT_OUT = [
  'pg_wal',
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_tblspc',
];

const CONTROL_FILE = 'global/pg_control';

export interface BaseBackup {
  /** The instant that the copy recovers to, by the server's clock. */
  readonly asOf: Date;
  readonly folders: readonly string[];
  readonly files: readonly CopiedFile[];
}

/**
 * Copies the cluster in `data` into `into`, which must not exist, while the server at `url` (as superuser) serves. What the copy recovers to is the
 * cluster at one instant before this resolves and after it was called: all of its databases share one write-ahead log, and the copy holds the part
 * of it that makes the files, which were read one after the other, one.
 */
export async function takeBaseBackup(url: string, data: string, into: string): Promise<BaseBackup> {
  const client = new Client({ connectionString: url, application_name: 'works backup' });
  // A server that ends meanwhile fails the next statement; without a listener it would end this process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    // The slot keeps the needed write-ahead log, whatever checkpoints come; it goes with this connection.
    await client.query('select pg_create_physical_replication_slot($1, true, true)', [`works_backup_${randomBytes(4).toString('hex')}`]);
    const begun = await client.query<{ segment: string }>(`select pg_walfile_name(pg_backup_start('works backup', true)) as segment`);
    const copy = new Copy(data, into);
    await copy.everything();
    const ended = await client.query<{ segment: string; label: string; as_of: Date }>(
      'select pg_walfile_name(lsn) as segment, labelfile as label, clock_timestamp() as as_of from pg_backup_stop(false)',
    );
    await copy.writeAheadLog(begun.rows[0]!.segment, ended.rows[0]!.segment);
    await copy.label(ended.rows[0]!.label);
    return { asOf: ended.rows[0]!.as_of, folders: copy.folders, files: copy.files };
  } finally {
    await client.end();
  }
}

class Copy {
  readonly folders: string[] = [''];
  readonly files: CopiedFile[] = [];

  constructor(
    private readonly data: string,
    private readonly into: string,
  ) {}

  /** The control file last, as it says how far everything else is. */
  async everything(): Promise<void> {
    await mkdir(this.into, { mode: 0o700 });
    const paths = await this.walk(this.data);
    await fewAtATime(paths, (path) => this.take(path));
    await this.controlFile();
  }

  async writeAheadLog(first: string, last: string): Promise<void> {
    const names = await readdir(join(this.data, 'pg_wal'));
    // Names of segments are of one length, so that their order is the log's.
    const needed = names.filter((name) => (/^[0-9A-F]{24}$/.test(name) && name >= first && name <= last) || name.endsWith('.history'));
    await fewAtATime(needed, (name) => this.take(`pg_wal/${name}`));
    for (const name of [first, last]) {
      if (!needed.includes(name)) throw new Error(`The server has given up the part ${name} of its write-ahead log before it was copied`);
    }
  }

  /** Where recovery begins. Without it the server would take the copy for a cluster that has crashed, and begin elsewhere. */
  async label(text: string): Promise<void> {
    await this.write('backup_label', Buffer.from(text));
  }

  private async walk(folder: string): Promise<string[]> {
    const paths: string[] = [];
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = relative(this.data, join(folder, entry.name));
      if (entry.isDirectory()) {
        this.folders.push(path);
        await mkdir(join(this.into, path), { mode: 0o700 });
        // A database can be dropped while we look.
        if (!CONTENT_LEFT_OUT.includes(path)) paths.push(...(await this.walk(join(folder, entry.name)).catch(nothingWhenGone)));
      } else if (entry.isFile() && path !== CONTROL_FILE && !LEFT_OUT.test(path)) paths.push(path);
    }
    return paths;
  }

  /** Files come and go while the server works; the write-ahead log knows of both. */
  private async take(path: string): Promise<void> {
    const copied = await copyFile(join(this.data, path), join(this.into, path));
    if (copied !== null) this.files.push({ path, ...copied });
  }

  /** The server writes it while it is read, and no log makes it whole again: so it is read until it stays the same. */
  private async controlFile(): Promise<void> {
    const file = join(this.data, CONTROL_FILE);
    let content = await readFile(file);
    for (;;) {
      const again = await readFile(file);
      if (again.equals(content)) break;
      content = again;
    }
    await this.write(CONTROL_FILE, content);
  }

  private async write(path: string, content: Buffer): Promise<void> {
    this.files.push({ path, ...(await writeNewFile(content, join(this.into, path))) });
  }
}

function nothingWhenGone(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
