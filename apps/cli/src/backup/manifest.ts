import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CopiedFile } from '@works/platform/postgres';

const FORMAT = 1;

/** What a backup consists of. It is written last: a folder without it is no whole backup. */
export interface Manifest {
  readonly format: number;
  /** The instant that it shows, by the database server's clock, in RFC 3339: what was committed before is in it. */
  readonly as_of: string;
  /** The event log was a Kafka broker's, which is not in the backup. */
  readonly kafka: boolean;
  /** Of the home folder. */
  readonly home: readonly CopiedFile[];
  /** The database server: its folders and files below `postgres`. */
  readonly server: { readonly folders: readonly string[]; readonly files: readonly CopiedFile[] };
}

export const MANIFEST = 'manifest.json';

export const newManifest = (content: Omit<Manifest, 'format'>): Manifest => ({ format: FORMAT, ...content });

export const textOf = (manifest: Manifest): Buffer => Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);

/** Fails with a sentence for a person when there is none, or one of another version. */
export async function readManifest(backup: string): Promise<Manifest> {
  const text = await readFile(join(backup, MANIFEST), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    throw new Error(`${backup} holds no whole backup: it has no ${MANIFEST}.`);
  });
  const manifest = parsed(text);
  if (manifest === null) throw new Error(`${join(backup, MANIFEST)} is damaged. Nothing was restored.`);
  if (manifest.format !== FORMAT)
    throw new Error(`${backup} was made by another version of works (format ${manifest.format}, this one reads ${FORMAT}).`);
  return manifest;
}

function parsed(text: string): Manifest | null {
  try {
    return JSON.parse(text) as Manifest;
  } catch {
    return null;
  }
}

export const bytesOf = ({ home, server }: Manifest): number => [...home, ...server.files].reduce((sum, { bytes }) => sum + bytes, 0);
