import { createHmac, timingSafeEqual } from 'node:crypto';
import stringify from 'safe-stable-stringify';
import type { Tenant } from '../caller';
import { Problem } from '../problems';

/** What a place in a list is made of: the values of the sort key of the last row shown. */
export type CursorKey = (string | number | null)[];

export interface ListIdentity {
  /** Names the list; a cursor of one list is refused by every other. */
  readonly name: string;
  readonly tenant: Tenant;
  readonly filter: object;
}

export interface PageRequest {
  readonly limit: number;
  /** Null on the first page. */
  readonly after: CursorKey | null;
  readonly list: ListIdentity;
}

export interface Page<Item> {
  object: 'list';
  data: Item[];
  has_more: boolean;
  next_cursor: string | null;
}

const MAC_BYTES = 12;
const DEFAULT_LIMIT = 25;

/**
 * Keyset pages. A cursor holds the sort key of the last row, not the row: it survives the row's change and deletion. It is bound to
 * the list, tenant and filter it was made for, and authenticated, so that nobody can look between rows by making one up.
 */
export class Pages {
  constructor(private readonly key: Buffer) {}

  read(query: { limit?: number | undefined; cursor?: string | undefined }, list: ListIdentity): PageRequest {
    return { limit: query.limit ?? DEFAULT_LIMIT, after: query.cursor === undefined ? null : this.open(query.cursor, list), list };
  }

  /** `rows` holds one more than the limit when there is more. */
  answer<Row, Item>(page: PageRequest, rows: readonly Row[], keyOf: (row: Row) => CursorKey, present: (row: Row) => Item): Page<Item> {
    const shown = rows.slice(0, page.limit);
    const last = shown.at(-1);
    const more = rows.length > page.limit && last !== undefined;
    return { object: 'list', data: shown.map(present), has_more: more, next_cursor: more ? this.seal(keyOf(last), page.list) : null };
  }

  private seal(key: CursorKey, list: ListIdentity): string {
    const payload = Buffer.from(JSON.stringify([fingerprint(list), key]));
    return Buffer.concat([this.mac(payload), payload]).toString('base64url');
  }

  private open(cursor: string, list: ListIdentity): CursorKey {
    const bytes = Buffer.from(cursor, 'base64url');
    const payload = bytes.subarray(MAC_BYTES);
    // Base64 has spellings that decode alike; only ours is accepted.
    const ours =
      bytes.length > MAC_BYTES &&
      bytes.toString('base64url') === cursor &&
      timingSafeEqual(bytes.subarray(0, MAC_BYTES), this.mac(payload));
    if (!ours) throw new Problem('cursor_invalid', 'The cursor is not one that a list of ours has answered.');
    const [madeFor, key] = JSON.parse(payload.toString()) as [string, CursorKey];
    if (madeFor !== fingerprint(list)) {
      throw new Problem(
        'cursor_mismatch',
        'The cursor belongs to another list or another filter. Keep the filter while you follow a list, or start anew.',
      );
    }
    return key;
  }

  private mac(payload: Buffer): Buffer {
    return createHmac('sha256', this.key).update(payload).digest().subarray(0, MAC_BYTES);
  }
}

const fingerprint = ({ name, tenant, filter }: ListIdentity): string =>
  createHmac('sha256', 'list')
    .update(stringify([name, tenant.organizationId, tenant.livemode, filter]))
    .digest('base64url')
    .slice(0, 16);
