import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

export const root = resolve(__dirname, '../../..');

/** Written for plain Node: `npm start` claims its home with it before anything is built. */
export const claims = createRequire(__filename)(join(root, 'tools/claim.cjs')) as {
  readonly RESTORING: string;
  claimHome(path: string): () => void;
  makeHome(path: string): void;
  holderOf(path: string): number | null;
};
