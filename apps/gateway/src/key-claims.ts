import type { Pool } from 'pg';
import { Batcher } from '@works/platform/batching';
import type { Tenant } from '@works/platform/caller';
import type { Claim } from '@works/platform/idempotency';
import { booleans, texts } from '@works/platform/postgres';

/**
 * A service remembers an answer for 24 hours from its commit, which comes after the claim: up to a minute for a request that is slow in coming, and as
 * long as its execution takes. The hour more is for that and for clocks that differ; without it a key would be free while its answer still stands.
 */
const KEEP_SECONDS = 25 * 60 * 60;
/** While one batch waits for the disk the next can be on its way. */
const BATCHES_MAX = 2;
const CLAIMS_IN_BATCH = 500;
/** Short, so that no claim waits for a sweep. */
const SWEPT_AT_ONCE = 5_000;

/** The durable word on which service owns a key. `claim` and `move` have committed to disk when they resolve. */
export interface KeyClaims {
  /** Claims the key for the service. Resolves with who owns it now: who owned it before goes on owning it. */
  claim(tenant: Tenant, key: string, service: string): Promise<Claim>;
  /** Null when the claim is not what it was any more. */
  move(tenant: Tenant, key: string, from: Claim, service: string): Promise<Claim | null>;
}

interface Wanted {
  readonly tenant: Tenant;
  readonly key: string;
  readonly service: string;
}

interface ClaimRow {
  claim: string;
  service: string;
  generation: string;
}

/** In the gateway's database. Claims that come while others are being committed share a round trip and a commit. */
export class KeyClaimsIn implements KeyClaims {
  private readonly claims = new Batcher<Wanted, Claim>({
    batchesMax: BATCHES_MAX,
    weightMax: CLAIMS_IN_BATCH,
    run: (wanted) => this.claimAll(wanted),
  });

  constructor(private readonly pool: Pool) {}

  claim(tenant: Tenant, key: string, service: string): Promise<Claim> {
    return this.claims.add({ tenant, key, service });
  }

  async move(tenant: Tenant, key: string, from: Claim, service: string): Promise<Claim | null> {
    const { rows } = await this.pool.query<ClaimRow>({
      name: 'works_move_key',
      text: 'select * from works_move_key($1, $2, $3, $4, $5, $6, $7)',
      values: [tenant.organizationId, tenant.livemode, key, from.service, from.generation, service, KEEP_SECONDS],
    });
    return rows[0] === undefined ? null : claimOf(rows[0]);
  }

  /** Deletes what has served its time. Any number of gateways may do it. */
  async sweep(): Promise<void> {
    for (let swept = SWEPT_AT_ONCE; swept === SWEPT_AT_ONCE;) {
      const { rows } = await this.pool.query<{ swept: string }>('select works_sweep_key_claims($1) as swept', [SWEPT_AT_ONCE]);
      swept = Number(rows[0]!.swept);
    }
  }

  private async claimAll(wanted: readonly Wanted[]): Promise<Claim[]> {
    const claims: Claim[] = [];
    for (const places of forOneServiceEach(wanted)) {
      const some = places.map((place) => wanted[place]!);
      const { rows } = await this.pool.query<ClaimRow>({
        name: 'works_claim_keys',
        text: 'select * from works_claim_keys($1, $2, $3, $4, $5)',
        values: [
          texts(some.map(({ tenant }) => tenant.organizationId)),
          booleans(some.map(({ tenant }) => tenant.livemode)),
          texts(some.map(({ key }) => key)),
          texts(some.map(({ service }) => service)),
          KEEP_SECONDS,
        ],
      });
      for (const row of rows) claims[places[Number(row.claim) - 1]!] = claimOf(row);
    }
    return claims;
  }
}

const claimOf = ({ service, generation }: ClaimRow): Claim => ({ service, generation: Number(generation) });

/** Places in rounds, nearly always one: in each a key comes for one service only, or it would not be said who was first. */
function forOneServiceEach(wanted: readonly Wanted[]): number[][] {
  const rounds: { services: Map<string, string>; places: number[] }[] = [];
  wanted.forEach(({ tenant, key, service }, place) => {
    const name = `${tenant.organizationId} ${tenant.livemode} ${key}`;
    let round = rounds.find(({ services }) => (services.get(name) ?? service) === service);
    if (round === undefined) rounds.push((round = { services: new Map(), places: [] }));
    round.services.set(name, service);
    round.places.push(place);
  });
  return rounds.map(({ places }) => places);
}
