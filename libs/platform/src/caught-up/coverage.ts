import { LRUCache } from 'lru-cache';
import type { Caller } from '../caller';
import type { Place, Position } from './positions';

/** What a request depends on in the facts of other services. */
export interface Concern {
  /** Keys of the event log that it names, such as its project's. */
  readonly keys: readonly string[];
  /** It is about the whole organization: what its caller wrote has to be in, whatever that was about. */
  readonly everything: boolean;
}

/** What is remembered to have been handled. One that is forgotten costs a question. */
const REMEMBERED_MAX = 50_000;

/** A part of a tenant's facts: all of them, those that one actor wrote, or those of one key. */
type Part = 'all' | `own ${string}` | `key ${string}`;

/**
 * The parts that a request needs as new as a position. What a client claims may be of anybody's writing; what is only remembered was written by
 * the caller itself.
 */
export function partsOf({ actor }: Pick<Caller, 'actor'>, { keys, everything }: Concern, claimed: boolean): Part[] {
  if (everything && claimed) return ['all'];
  return [...(everything ? [`own ${actor.id}` as const] : []), ...keys.map((key) => `key ${key}` as const)];
}

/**
 * Through which position facts count as handled after all that were visible through `standing` have been. Not beyond what was settled before they
 * were read: a fact with a lower position may have been written then and not committed, and is answered to its writer afterwards.
 */
export const handledThrough = (standing: bigint, settled: bigint): bigint => (standing < settled ? standing : settled);

/** Up to where the facts of a source have been handled here, as far as it is known. */
export class Coverage {
  /** Of all tenants: only grows within an epoch. */
  private everything: Place = { epoch: null, at: -1n };
  private readonly parts = new LRUCache<string, bigint>({ max: REMEMBERED_MAX });

  /** After which position a part may hold facts that have not been handled. */
  get from(): Place | null {
    return this.everything.at < 0n ? null : this.everything;
  }

  covers(caller: Caller, position: Position, concern: Concern): boolean {
    if (this.everything.epoch === position.epoch && position.at <= this.everything.at) return true;
    const isHandled = (part: Part) => position.at <= (this.parts.get(nameOf(caller, part, position.epoch)) ?? -1n);
    if (isHandled('all') || (!position.claimed && isHandled(`own ${caller.actor.id}`))) return true;
    const parts = partsOf(caller, concern, position.claimed);
    return parts.every(isHandled);
  }

  /** All facts that a part held through a position of this epoch have been handled. */
  note(caller: Caller, parts: readonly Part[], { epoch, at }: Place): void {
    for (const part of parts) {
      const name = nameOf(caller, part, epoch);
      if (at > (this.parts.get(name) ?? -1n)) this.parts.set(name, at);
    }
  }

  /** The facts of everybody have been. Says whether that is news. */
  noteEverything(place: Place): boolean {
    if (place.epoch === this.everything.epoch && place.at <= this.everything.at) return false;
    this.everything = place;
    return true;
  }

  forget(): void {
    this.everything = { epoch: null, at: -1n };
    this.parts.clear();
  }
}

const nameOf = ({ organizationId, livemode }: Caller, part: Part, epoch: string | null): string =>
  `${organizationId} ${livemode} ${epoch} ${part}`;
