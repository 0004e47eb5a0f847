import { createHash } from 'node:crypto';
import { mkdir, open, readdir, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { handOver, type Account } from './hand-over';

/** A file of a backup: its path below the backup's folder, and what it holds. */
export interface CopiedFile {
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

const CHUNK_BYTES = 1024 * 1024;
/** Disks and the hash have something to do at the same time; more files at once only fill the memory. */
const FILES_AT_ONCE = 8;

/** Copies `from` to `to`, which its owner alone may read; null when there is no such file (any more). It is on disk after `syncTree`. */
export async function copyFile(from: string, to: string, account: Account | null = null): Promise<Omit<CopiedFile, 'path'> | null> {
  const source = await openIfThere(from);
  if (source === null) return null;
  try {
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    const target = await open(to, 'wx', 0o600);
    try {
      const written = await pump(source, (chunk) => target.writeFile(chunk));
      await handOver(account, to);
      return written;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** The same for what is in memory. */
export async function writeNewFile(content: Buffer, to: string): Promise<Omit<CopiedFile, 'path'>> {
  await writeFile(to, content, { flag: 'wx', mode: 0o600 });
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** What a file holds, as `copyFile` says it; null when it is not there. */
export async function examine(path: string): Promise<Omit<CopiedFile, 'path'> | null> {
  const source = await openIfThere(path);
  if (source === null) return null;
  return pump(source, () => Promise.resolve()).finally(() => source.close());
}

async function pump(source: FileHandle, write: (chunk: Buffer) => Promise<unknown>): Promise<Omit<CopiedFile, 'path'>> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await write(chunk);
    bytes += bytesRead;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

/** Does the work for each item, a few at a time; the first failure ends it. */
export async function fewAtATime<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, worker));
}

/** Has a folder and all that is in it on disk. (After all of it is written: file by file, while writing, takes ten times as long.) */
export async function syncTree(folder: string): Promise<void> {
  const below = await readdir(folder, { recursive: true, withFileTypes: true });
  await fewAtATime([folder, ...below.map((entry) => join(entry.parentPath, entry.name))], sync);
}

/** Has one file, or the names in one folder, on disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}
