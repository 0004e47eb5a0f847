import { LRUCache } from 'lru-cache';
import type { Caller } from '@works/platform/caller';
import { formatPositions, newest, parsePositions, type PositionsByService } from '@works/platform/caught-up';

/** Tenants whose positions are remembered; one that is forgotten loses nothing but a wait it would not have needed. */
const TENANTS_MAX = 50_000;

/** The newest position of each service that a tenant has seen, so that its reads are at least as new as its writes. */
export class SeenPositions {
  private readonly seen = new LRUCache<string, PositionsByService>({ max: TENANTS_MAX });

  /** As a service takes it; empty when nothing has been seen. */
  of(caller: Caller): string {
    const own = this.seen.get(tenantOf(caller));
    return own === undefined ? '' : formatPositions(own);
  }

  note(caller: Caller, header: string): void {
    const tenant = tenantOf(caller);
    const positions = parsePositions(header, false);
    if (positions === null) return;
    const before = this.seen.get(tenant);
    const all = before === undefined ? [positions] : [before, positions];
    this.seen.set(tenant, newest(all.flatMap((each) => [...each].map(([service, [position]]) => [service, position!] as const))));
  }
}

const tenantOf = ({ organizationId, livemode }: Caller): string => `${organizationId} ${livemode}`;
