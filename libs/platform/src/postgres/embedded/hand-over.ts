import { chown } from 'node:fs/promises';

/** Who runs the server: PostgreSQL refuses root, so root hands it to an account without rights. Anybody else runs it as themselves. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export async function handOver(account: Account | null, ...paths: string[]): Promise<void> {
  if (account) await Promise.all(paths.map((path) => chown(path, account.uid, account.gid)));
}
