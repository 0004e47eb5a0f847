import type { Pool } from 'undici';
import { CALLER_HEADER } from '@works/platform/caller';
import {
  afterAskingOwn,
  afterClaim,
  afterMove,
  afterRelease,
  keyInUse,
  keyReused,
  RELEASE_ANSWER_MS,
  RELEASE_PATH,
  type Release,
  type Step,
} from '@works/platform/idempotency';
import { Problem } from '@works/platform/problems';
import type { Admitted } from './callers';
import type { KeyClaims } from './key-claims';

/** Longer than a service waits for a request that is at work under the key. */
const ASK_MS = RELEASE_ANSWER_MS + 2_000;
/** A claim that moves away this often while it is asked for is wanted by so many that this one may come back later. */
const STEPS_MAX = 40;

/** Sees to it that a service owns a key before a mutation under it is forwarded there. */
export class KeyOwners {
  constructor(
    private readonly claims: KeyClaims,
    private readonly services: ReadonlyMap<string, Pool>,
  ) {}

  /** Resolves with the generation under which the service owns the key; rejects with the problem when another request has taken it. */
  async own({ caller, header }: Admitted, key: string, service: string): Promise<number> {
    let step: Step = { do: 'claim' };
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      switch (step.do) {
        case 'claim':
          step = afterClaim(service, await this.claims.claim(caller, key, service));
          break;
        case 'release':
          step = afterRelease(step.claim, await this.release(step.claim.service, header, key, step.claim.generation));
          break;
        case 'move':
          step = afterMove(await this.claims.move(caller, key, step.from, service));
          break;
        case 'ask_own':
          step = afterAskingOwn(step.claim, await this.release(service, header, key, step.claim.generation));
          break;
        case 'forward':
          return step.generation;
        case 'refuse':
          throw step.code === 'idempotency_key_in_use' ? keyInUse() : keyReused();
      }
    }
    throw keyInUse();
  }

  /** Asks a service to give a key away, in the name of the caller, whose key it is. */
  private async release(service: string, header: string, key: string, generation: number): Promise<Release> {
    const answer = await this.services
      .get(service)
      ?.request({
        method: 'POST',
        path: `${RELEASE_PATH}?generation=${generation}`,
        headers: { [CALLER_HEADER]: header, 'idempotency-key': key },
        signal: AbortSignal.timeout(ASK_MS),
      })
      .catch(() => null);
    const body = (await answer?.body.json().catch(() => null)) as { release?: Release } | null | undefined;
    if (body?.release === 'released' || body?.release === 'kept' || body?.release === 'in_use') return body.release;
    throw new Problem(
      'unavailable',
      `This Idempotency-Key may have been used at the ${service} service, which is not reachable at the moment. Send the request again with the same key.`,
      {},
      { 'retry-after': '1' },
    );
  }
}
