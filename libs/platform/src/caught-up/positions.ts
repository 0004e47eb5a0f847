/** A place in the history of a service's store. */
export interface Place {
  /** The tag of the store's incarnation, which a restore or a failover changes; null in answers from before there were any. */
  readonly epoch: string | null;
  /** Of the store's events; at most 2^63 - 1. */
  readonly at: bigint;
}

/** How far a service's store had come when it answered: `tasks:e4f9a01c.733`. */
export interface Position extends Place {
  /** The client itself has sent it. What only we remember is never a reason to refuse a request. */
  readonly claimed: boolean;
}

/** What a request may depend on, by service: what its client claims and what the gateway remembers. */
export type PositionsByService = ReadonlyMap<string, readonly Position[]>;

/** In which the gateway tells a service what it remembers; clients cannot send it. */
export const SEEN_HEADER = 'works-seen-position';

/** A header has few services in it; a longer one is not ours. */
const SERVICES_MAX = 8;
const POSITION_MAX = 2n ** 63n - 1n;
const onePlace = /^(?:(e[0-9a-f]{7})\.)?([0-9]{1,19})$/;
const onePosition = /^([a-z]{1,32}):(?:(e[0-9a-f]{7})\.)?([0-9]{1,19})$/;

/** `e4f9a01c.733`, as one service says it of itself to another; null for what is none. */
export function parsePlace(text: string): Place | null {
  const parts = onePlace.exec(text);
  return parts === null || BigInt(parts[2]!) > POSITION_MAX ? null : { epoch: parts[1] ?? null, at: BigInt(parts[2]!) };
}

export const formatPlace = ({ epoch, at }: Place): string => `${epoch === null ? '' : `${epoch}.`}${at}`;

/** Null when the header is not one of ours. */
export function parsePositions(header: string | undefined, claimed: boolean): PositionsByService | null {
  if (header === undefined || header.trim() === '') return new Map();
  const parts = header.split(',').map((part) => onePosition.exec(part.trim()));
  if (parts.length > SERVICES_MAX || parts.includes(null)) return null;
  const pairs = parts.map((part) => [part![1]!, { epoch: part![2] ?? null, at: BigInt(part![3]!), claimed }] as const);
  return pairs.some(([, { at }]) => at > POSITION_MAX) ? null : newest(pairs);
}

export const formatPositions = (positions: PositionsByService): string =>
  [...positions].flatMap(([service, each]) => each.map((place) => `${service}:${formatPlace(place)}`)).join(',');

/** Of several positions in one epoch of one service the newest counts; those of different epochs cannot be compared, and the one said last counts. */
export function newest(pairs: Iterable<readonly [string, Position]>): Map<string, readonly Position[]> {
  const positions = new Map<string, readonly Position[]>();
  for (const [service, position] of pairs) {
    const [before] = positions.get(service) ?? [];
    if (before === undefined || before.epoch !== position.epoch || position.at > before.at) positions.set(service, [position]);
  }
  return positions;
}

/** What both say. Where they agree in epoch, the newer of the two is enough, and what is remembered anyway need not be claimed. */
export function together(claimed: PositionsByService, remembered: PositionsByService): PositionsByService {
  const positions = new Map(remembered);
  for (const [service, said] of claimed) {
    const known = positions.get(service) ?? [];
    const news = said.filter((each) => !known.some(({ epoch, at }) => epoch === each.epoch && at >= each.at));
    const kept = known.filter((each) => !news.some(({ epoch, at }) => epoch === each.epoch && at > each.at));
    positions.set(service, [...kept, ...news]);
  }
  return positions;
}
