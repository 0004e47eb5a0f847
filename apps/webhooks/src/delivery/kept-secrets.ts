import type { Pool } from 'pg';
import type { Logger } from '@works/platform/logging';
import { isSealed, type Keyring } from '@works/platform/sealing';

/** Rows that one statement reads. */
const BATCH = 200;
/** A secret takes some 200 bytes; whoever is forgotten is opened again, in microseconds. */
const REMEMBERED_MAX = 10_000;

interface Kept {
  readonly id: string;
  readonly secret: string;
}

interface Opened {
  readonly from: string;
  /** Null when it cannot be opened. */
  readonly secrets: string | null;
}

/**
 * The signing secrets of endpoints as the table keeps them: sealed, each for its endpoint. They are opened in memory only. Rows from before
 * they were sealed, and rows that an older key has sealed, are read as they are and sealed anew at start.
 */
export class KeptSecrets {
  private readonly opened = new Map<string, Opened>();

  constructor(
    private readonly keyring: Keyring,
    private readonly logger: Logger,
  ) {}

  seal(endpointId: string, secrets: string): string {
    return this.keyring.seal(secrets, endpointId);
  }

  /** Throws when no configured key opens them. */
  open(endpointId: string, kept: string): string {
    return isSealed(kept) ? this.keyring.open(kept, endpointId) : kept;
  }

  /** What signs for an endpoint; null when no configured key opens it, which is said once. */
  signingFor(endpointId: string, kept: string): string | null {
    const known = this.opened.get(endpointId);
    if (known?.from === kept) return known.secrets;
    const secrets = this.openOrSay(endpointId, kept);
    if (this.opened.size >= REMEMBERED_MAX) this.opened.delete(this.opened.keys().next().value!);
    this.opened.set(endpointId, { from: kept, secrets });
    return secrets;
  }

  /** Seals with the first key whatever is not, a few rows at a time, while everything runs. Resolves with how many; any number of processes may do it. */
  async sealAll(pool: Pool): Promise<number> {
    let sealed = 0;
    for (let after = ''; ;) {
      const { rows } = await pool.query<Kept>('select id, secret from webhook_endpoints where id > $1 order by id limit $2', [
        after,
        BATCH,
      ]);
      for (const row of rows.filter(({ secret }) => !this.keyring.isSealedAnew(secret))) sealed += await this.sealAnew(pool, row);
      if (rows.length < BATCH) break;
      after = rows.at(-1)!.id;
    }
    if (sealed > 0)
      this.logger.info({ sealed, key: this.keyring.firstKeyId }, 'sealed the signing secrets of endpoints with the first key');
    return sealed;
  }

  /**
   * Only what was read is replaced: a rotation that comes between has sealed its own. One row in a transaction, because several and a fan-out,
   * which locks endpoints in an order of its own, could wait for each other in a circle.
   */
  private async sealAnew(pool: Pool, { id, secret }: Kept): Promise<number> {
    const plain = this.openOrSay(id, secret);
    if (plain === null) return 0;
    const { rowCount } = await pool.query('update webhook_endpoints set secret = $3 where id = $1 and secret = $2', [
      id,
      secret,
      this.seal(id, plain),
    ]);
    return rowCount!;
  }

  private openOrSay(endpointId: string, kept: string): string | null {
    try {
      return this.open(endpointId, kept);
    } catch (error) {
      this.logger.error(
        { endpoint_id: endpointId },
        `The signing secrets of ${endpointId} cannot be opened: ${(error as Error).message}. Nothing is sent to it until SECRETS_KEYS has the key that sealed them; its deliveries wait.`,
      );
      return null;
    }
  }
}
