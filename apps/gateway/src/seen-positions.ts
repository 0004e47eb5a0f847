import { LRUCache } from 'lru-cache';
import type { Caller } from '@works/platform/caller';
import { formatPositions, parsePositions, type Position, type PositionsByService } from '@works/platform/caught-up';
import { EpochsHeard } from './epochs-heard';

/** Keys whose positions are remembered each for itself. */
const KEYS_MAX = 50_000;

/**
 * The newest position of each service that a key's answers have carried, so that its reads are at least as new as its writes. A key's, not its
 * organization's: whoever has written nothing waits for nobody.
 *
 * What is not known of a key lies at or before the baseline: what the services were at when this gateway began to listen to the others, and whatever was
 * forgotten since. So nothing that a key has written, through whichever gateway, is ever missing; where a gateway does not know, it takes a key to have
 * seen more than it has.
 */
export class SeenPositions {
  private readonly seen: LRUCache<string, PositionsByService>;
  private readonly epochs = new EpochsHeard();
  private baseline: PositionsByService = new Map();
  private newest: PositionsByService = new Map();
  private noted: (key: string, positions: PositionsByService) => void = () => undefined;

  constructor(keysMax = KEYS_MAX) {
    this.seen = new LRUCache<string, PositionsByService>({
      max: keysMax,
      dispose: (forgotten, _key, reason) => {
        if (reason === 'evict') this.baseline = this.latest(this.baseline, forgotten);
      },
    });
  }

  /** As a service takes it; empty when nothing is known. */
  of(caller: Caller): string {
    const own = this.seen.get(nameOf(caller));
    return formatPositions(own === undefined ? this.baseline : this.latest(this.baseline, own));
  }

  /** What an answer to the caller has carried. */
  note(caller: Caller, header: string): void {
    const key = nameOf(caller);
    const own = this.add(key, header);
    if (own !== null) this.noted(key, own);
  }

  /** What an answer of another gateway has carried. */
  hear(key: string, header: string): void {
    this.add(key, header);
  }

  /** What a service is at now. Any key may have written all that is before. */
  begin(service: string, position: Position): void {
    if (position.epoch !== null) this.epochs.hear(service, position.epoch, true);
    this.baseline = this.latest(this.baseline, new Map([[service, [position]]]));
  }

  /** What all keys together have seen through another gateway: each of them is taken to have seen it. */
  raise(header: string): void {
    const positions = this.parse(header);
    if (positions !== null) this.baseline = this.latest(this.baseline, positions);
  }

  /** The newest that any answer has carried, of whichever key. */
  ofAll(): string {
    return formatPositions(this.newest);
  }

  /** Called with a key, and all that it has seen, whenever an answer of this gateway has carried something newer. */
  whenNoted(noted: (key: string, positions: PositionsByService) => void): void {
    this.noted = noted;
  }

  /** What the key has seen now; null when there is nothing new in it. */
  private add(key: string, header: string): PositionsByService | null {
    const positions = this.parse(header);
    if (positions === null) return null;
    const before = this.seen.get(key);
    const own = before === undefined ? positions : this.latest(before, positions);
    this.newest = this.latest(this.newest, positions);
    if (own === before) return null;
    this.seen.set(key, own);
    return own;
  }

  private parse(header: string): PositionsByService | null {
    const positions = parsePositions(header, false);
    for (const [service, each] of positions ?? [])
      for (const { epoch } of each) if (epoch !== null) this.epochs.hear(service, epoch, false);
    return positions;
  }

  /** Of each service the later of the two; `before` itself where nothing is later. */
  private latest(before: PositionsByService, said: PositionsByService): PositionsByService {
    const later = [...said].filter(([service, [position]]) => {
      const known = before.get(service)?.[0];
      return known === undefined || this.epochs.isLater(service, position!, known);
    });
    return later.length === 0 ? before : new Map([...before, ...later]);
  }
}

const nameOf = ({ organizationId, livemode, actor }: Caller): string => `${organizationId} ${livemode} ${actor.id}`;
