import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { hashOfApiKey, isApiKey } from '@works/platform/api-keys';
import { signCaller, type Caller } from '@works/platform/caller';
import type { TestNow } from './test-now';

/** A revoked key is refused everywhere within this time. */
const KNOWN_FOR_MS = 1_000;
/** Keys remembered, good and bad together; a flood of made-up keys pushes out bad ones at the cost of a look-up, not memory. */
const KNOWN_MAX = 10_000;
/** The signature is good for 30 s; it is renewed long before. */
const SIGN_EVERY_MS = 5_000;

/** The scheme's name is spelled as one likes (RFC 9110, 11.1). */
const bearer = /^Bearer +(\S+)$/i;

/** Who is behind a key, with the header that tells a service so. */
export interface Admitted {
  readonly caller: Caller;
  readonly header: string;
}

interface Signed extends Admitted {
  readonly renewAt: number;
}

interface CallerRow {
  key_id: string;
  organization_id: string;
  livemode: boolean;
  scopes: string[];
  time_zone: string;
  expires_at: Date | null;
}

/** The caller behind the hash of a key; null when there is none, or none any more. */
export type FindCaller = (hash: string) => Promise<Caller | null>;

/** Turns keys into callers. Requests with one key that come together share one look-up. */
export class Callers {
  private readonly known = new LRUCache<string, Promise<Caller | null>>({ max: KNOWN_MAX, ttl: KNOWN_FOR_MS });
  private readonly signed = new LRUCache<string, Signed>({ max: KNOWN_MAX });

  constructor(
    private readonly find: FindCaller,
    private readonly signingKey: Buffer,
  ) {}

  /** Null whatever is wrong with the header; the reason is nobody's business. */
  async admit(authorization: string | undefined): Promise<Admitted | null> {
    const key = bearer.exec(authorization ?? '')?.[1];
    if (key === undefined || !isApiKey(key)) return null;
    const hash = hashOfApiKey(key);
    const caller = await this.callerOf(hash);
    return caller === null ? null : this.sign(hash, caller);
  }

  private callerOf(hash: string): Promise<Caller | null> {
    const known = this.known.get(hash);
    if (known !== undefined) return known;
    const looked = this.find(hash);
    this.known.set(hash, looked);
    // An outage says nothing about the key: the next request asks again.
    looked.catch(() => this.known.delete(hash));
    return looked;
  }

  private sign(hash: string, caller: Caller): Admitted {
    const nowMs = Date.now();
    const before = this.signed.get(hash);
    if (before !== undefined && before.renewAt > nowMs && before.caller === caller) return before;
    const signed = { caller, header: signCaller(caller, this.signingKey, nowMs), renewAt: nowMs + SIGN_EVERY_MS };
    this.signed.set(hash, signed);
    return signed;
  }
}

/** Looks in the gateway's database, which shows a key only to whoever has its hash. */
export const findCallerIn =
  (pool: Pool, testNow: TestNow): FindCaller =>
  async (hash) => {
    const { rows } = await pool.query<CallerRow>({ name: 'works_caller_of', text: 'select * from works_caller_of($1)', values: [hash] });
    const row = rows[0];
    if (row === undefined) return null;
    const caller: Caller = {
      organizationId: row.organization_id,
      livemode: row.livemode,
      actor: { type: 'api_key', id: row.key_id },
      scopes: row.scopes,
      timeZone: row.time_zone,
    };
    // The real time has been asked already, by the look-up itself.
    if (caller.livemode || row.expires_at === null) return caller;
    return row.expires_at > (await testNow(caller)) ? caller : null;
  };
