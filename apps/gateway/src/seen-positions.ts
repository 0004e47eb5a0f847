import { LRUCache } from 'lru-cache';
import type { Caller } from '@works/platform/caller';
import { formatPositions, newest, parsePositions } from '@works/platform/caught-up';

/** Tenants whose positions are remembered; one that is forgotten loses nothing but a wait it would not have needed. */
const TENANTS_MAX = 50_000;

/** The newest position of each service that a tenant has seen, so that its reads are at least as new as its writes. */
export class SeenPositions {
  private readonly seen = new LRUCache<string, Map<string, bigint>>({ max: TENANTS_MAX });

  /** What a request must carry: what we saw and what the caller passes back. Null when the caller's header is not one of ours. */
  headerFor(caller: Caller, given: string | undefined): string | null {
    const own = this.seen.get(tenantOf(caller));
    if (given === undefined) return own === undefined ? '' : formatPositions(own);
    const positions = parsePositions(given);
    return positions === null ? null : formatPositions(newest([...(own ?? []), ...positions]));
  }

  note(caller: Caller, header: string): void {
    const tenant = tenantOf(caller);
    const positions = parsePositions(header);
    if (positions !== null) this.seen.set(tenant, newest([...(this.seen.get(tenant) ?? []), ...positions]));
  }
}

const tenantOf = ({ organizationId, livemode }: Caller): string => `${organizationId} ${livemode}`;
