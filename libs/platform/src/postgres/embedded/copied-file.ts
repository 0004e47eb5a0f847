import { createHash } from 'node:crypto';
import { mkdir, open, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { handOver, type Account } from './account';

/** A file of a backup: its path below the backup's folder, and what it holds. */
export interface CopiedFile {
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

const CHUNK_BYTES = 1024 * 1024;

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
