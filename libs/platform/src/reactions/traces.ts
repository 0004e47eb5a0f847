/** Of events that are being handled, by the very object that the handler was given: it sees nothing of it, and it ends with the event. */
const traces = new WeakMap<object, string>();

/** Remembers the trace that an event came with. */
export function cameWithTrace(event: unknown, traceparent: string | undefined): void {
  if (traceparent !== undefined && typeof event === 'object' && event !== null) traces.set(event, traceparent);
}

/** The W3C `traceparent` that an event came with; null for an event that came with none, and for a copy of one. */
export const traceparentOf = (event: object): string | null => traces.get(event) ?? null;
