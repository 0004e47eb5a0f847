/** What an event's place in the log depends on: the event before it of the same resource, and the event that brought it about. */
export interface Caused {
  readonly id: string;
  readonly previousEvent: string | null;
  readonly causedBy: string | null;
}

/** What is known of events that are awaited. */
export interface Known {
  /** It has its number, or is so old that the log need not have it any more. */
  isNumbered(id: string): boolean;
  /** It will not come: its owner has said so. */
  isGivenUp(id: string): boolean;
}

export interface Arranged<Event extends Caused> {
  /** What is numbered now, in this order. */
  readonly numbered: readonly { readonly event: Event; readonly outOfOrder: boolean }[];
  /** Arrivals that came before something they depend on. What was held already and is not numbered now stays held. */
  readonly held: readonly Event[];
}

/** The events that must be numbered before this one. */
export const awaitedBy = ({ id, previousEvent, causedBy }: Caused): string[] =>
  [...new Set([previousEvent, causedBy])].filter((awaited): awaited is string => awaited !== null && awaited !== id);

/**
 * No event is numbered before its previous event nor before the event that caused it. Arrivals keep their order where nothing speaks against it;
 * what has waited for one of them is numbered right behind it. An event that comes again counts once: what has a number, or is held, is not new.
 * Only an event whose missing predecessor has been given up is numbered without it, and is marked as out of order.
 */
export function inCausalOrder<Event extends Caused>(arrivals: readonly Event[], held: readonly Event[], known: Known): Arranged<Event> {
  const wasHeld = new Map(held.map((event) => [event.id, event]));
  const candidates = new Map<string, Event>();
  for (const event of arrivals) if (!known.isNumbered(event.id)) candidates.set(event.id, wasHeld.get(event.id) ?? event);
  for (const event of held) if (!known.isNumbered(event.id)) candidates.set(event.id, event);

  const missing = (id: string): boolean => !known.isNumbered(id) && (candidates.has(id) || !known.isGivenUp(id));
  const lacking = new Map<string, number>();
  const waiting = new Map<string, Event[]>();
  for (const event of candidates.values()) {
    const awaited = awaitedBy(event).filter(missing);
    lacking.set(event.id, awaited.length);
    for (const id of awaited) {
      const others = waiting.get(id);
      if (others) others.push(event);
      else waiting.set(id, [event]);
    }
  }

  const numbered: { event: Event; outOfOrder: boolean }[] = [];
  const placed = new Set<string>();
  for (const event of candidates.values()) {
    if (lacking.get(event.id) !== 0 || placed.has(event.id)) continue;
    const ready = [event];
    for (const next of ready) {
      placed.add(next.id);
      numbered.push({ event: next, outOfOrder: awaitedBy(next).some((id) => !known.isNumbered(id) && !placed.has(id)) });
      for (const behind of waiting.get(next.id) ?? []) {
        const left = lacking.get(behind.id)! - 1;
        lacking.set(behind.id, left);
        if (left === 0) ready.push(behind);
      }
    }
  }
  return { numbered, held: [...candidates.values()].filter(({ id }) => !placed.has(id) && !wasHeld.has(id)) };
}
