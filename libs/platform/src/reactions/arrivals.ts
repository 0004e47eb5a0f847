/** Headers of events that are being handled, by the very object that the handler was given: it sees nothing of them, and they end with the event. */
const arrivals = new WeakMap<object, Readonly<Record<string, string>>>();

/** Remembers the headers that an event came with. */
export function cameWith(event: unknown, headers: Readonly<Record<string, string>>): void {
  if (typeof event === 'object' && event !== null) arrivals.set(event, headers);
}

/** A header of the message that an event came in; null where it had none, and for a copy of an event. */
export const headerOf = (event: object, name: string): string | null => arrivals.get(event)?.[name] ?? null;
