import type { Tenant } from '../caller';
import { RELEASE_ANSWER_MS, releasedFingerprint, releasedOf, type Release, type TwinGate } from '../idempotency';
import { sqlState } from '../postgres';
import type { TenantDatabase, TenantTransaction } from '../tenancy';

/** Like a remembered answer: a request that comes under the former claim later than this does not exist any more. */
const RELEASED_SECONDS = 24 * 60 * 60;
const LOCK_NOT_AVAILABLE = '55P03';

/** Gives idempotency keys of this service away, and takes them back. See `idempotency/ownership.ts` for what that has to guarantee. */
export class ReleasedKeys {
  constructor(
    private readonly database: TenantDatabase,
    private readonly twins: TwinGate,
    private readonly waitMs = RELEASE_ANSWER_MS,
  ) {}

  /**
   * Once this says `released` no request under a generation up to this one has an effect here, in whichever process it may be: it meets our record on the
   * primary key. Who is at work under the key in this process is waited for, so that the first of two is not refused for the sake of the second.
   */
  async release(tenant: Tenant, key: string, generation: number): Promise<Release> {
    if (!(await this.twins.quiet(tenant, key, this.waitMs))) return 'in_use';
    try {
      return await this.database.transaction(tenant, (tx) => giveAway(tx, key, generation));
    } catch (error) {
      if (sqlState(error) === LOCK_NOT_AVAILABLE) return 'in_use';
      throw error;
    }
  }

  /** Takes a key back that was given away under an earlier generation. */
  async reopen(tenant: Tenant, key: string, generation: number): Promise<void> {
    await this.database.transaction(tenant, async (tx) => {
      const fingerprint = await fingerprintUnder(tx, key);
      const released = fingerprint === null ? null : releasedOf(fingerprint);
      if (released !== null && released < generation)
        await tx.query('delete from idempotency_keys where organization_id = $1 and livemode = $2 and key = $3', [...placeOf(tx, key)]);
    });
  }
}

async function giveAway(tx: TenantTransaction, key: string, generation: number): Promise<Release> {
  // Whoever is just committing under the key in another process holds its place.
  await tx.query(`set local lock_timeout = '1s'`);
  const { rowCount } = await tx.query(
    `insert into idempotency_keys as k (organization_id, livemode, key, fingerprint, status, headers, body, expires_at)
       values ($1, $2, $3, $4, 409, '{}', '', now() + make_interval(secs => $5))
     on conflict (organization_id, livemode, key) do update
       set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body,
           created_at = excluded.created_at, expires_at = excluded.expires_at
       where k.expires_at <= now()`,
    [...placeOf(tx, key), releasedFingerprint(generation), RELEASED_SECONDS],
  );
  if (rowCount === 1) return 'released';
  const fingerprint = await fingerprintUnder(tx, key);
  if (fingerprint === null) return 'in_use'; // taken back at this very moment
  const before = releasedOf(fingerprint);
  if (before === null) return 'kept';
  if (before < generation)
    await tx.query(
      `update idempotency_keys set fingerprint = $4, expires_at = now() + make_interval(secs => $5)
        where organization_id = $1 and livemode = $2 and key = $3`,
      [...placeOf(tx, key), releasedFingerprint(generation), RELEASED_SECONDS],
    );
  return 'released';
}

/** Locked: what is decided on it is done to it. */
async function fingerprintUnder(tx: TenantTransaction, key: string): Promise<string | null> {
  const { rows } = await tx.query<{ fingerprint: string }>(
    'select fingerprint from idempotency_keys where organization_id = $1 and livemode = $2 and key = $3 for update',
    [...placeOf(tx, key)],
  );
  return rows[0]?.fingerprint ?? null;
}

const placeOf = ({ tenant }: TenantTransaction, key: string) => [tenant.organizationId, tenant.livemode, key] as const;
