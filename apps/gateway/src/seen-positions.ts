import { LRUCache } from 'lru-cache';
import type { Caller } from '@works/platform/caller';
import { formatPositions, newest, parsePositions, type PositionsByService } from '@works/platform/caught-up';

/** Keys whose positions are remembered; one that is forgotten reads as new as what its client passes back. */
const KEYS_MAX = 50_000;

/**
 * The newest position of each service that a key's answers have carried, so that its reads are at least as new as its writes. A key's, not its
 * organization's: whoever has written nothing waits, and is refused, for nobody.
 */
export class SeenPositions {
  private readonly seen = new LRUCache<string, PositionsByService>({ max: KEYS_MAX });

  /** As a service takes it; empty when nothing has been seen. */
  of(caller: Caller): string {
    const own = this.seen.get(nameOf(caller));
    return own === undefined ? '' : formatPositions(own);
  }

  note(caller: Caller, header: string): void {
    const name = nameOf(caller);
    const positions = parsePositions(header, false);
    if (positions === null) return;
    const before = this.seen.get(name);
    const all = before === undefined ? [positions] : [before, positions];
    this.seen.set(name, newest(all.flatMap((each) => [...each].map(([service, [position]]) => [service, position!] as const))));
  }
}

const nameOf = ({ organizationId, livemode, actor }: Caller): string => `${organizationId} ${livemode} ${actor.id}`;
