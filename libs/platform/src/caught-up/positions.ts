/** Newest position per service: `projects:731,tasks:733`. A position is a transaction id, a decimal of up to 20 digits. */
export type PositionsByService = ReadonlyMap<string, bigint>;

/** A header has few services in it; a longer one is not ours. */
const SERVICES_MAX = 8;
const onePosition = /^([a-z]{1,32}):([0-9]{1,19})$/;

/** Null when the header is not one of ours. */
export function parsePositions(header: string | undefined): PositionsByService | null {
  if (header === undefined || header.trim() === '') return new Map();
  const parts = header.split(',').map((part) => onePosition.exec(part.trim()));
  if (parts.length > SERVICES_MAX || parts.includes(null)) return null;
  return newest(parts.map((part) => [part![1]!, BigInt(part![2]!)]));
}

export const formatPositions = (positions: PositionsByService): string =>
  [...positions].map(([service, position]) => `${service}:${position}`).join(',');

/** Of several positions of one service the newest counts. */
export function newest(pairs: Iterable<readonly [string, bigint]>): Map<string, bigint> {
  const positions = new Map<string, bigint>();
  for (const [service, position] of pairs) {
    if (position > (positions.get(service) ?? -1n)) positions.set(service, position);
  }
  return positions;
}
