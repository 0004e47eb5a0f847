import { LRUCache } from 'lru-cache';
import { Temporal } from 'temporal-polyfill';
import type { LocalDate } from './dates';

/** The day that it is in a zone (an IANA name). */
export const today = (now: Date, timeZone: string): LocalDate =>
  Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timeZone).toPlainDate().toString();

/**
 * The instant at which a date is over in a zone, RFC 3339 in UTC. A day ends when the next one begins, which is not midnight
 * everywhere: some zones move their clocks at that hour, and then the day begins at one.
 */
export function endOfDay(date: LocalDate, timeZone: string): string {
  const key = `${date} ${timeZone}`;
  const known = ends.get(key);
  if (known !== undefined) return known;
  const end = new Date(Temporal.PlainDate.from(date).add({ days: 1 }).toZonedDateTime(timeZone).epochMilliseconds).toISOString();
  ends.set(key, end);
  return end;
}

/** A zone's rules cost about 0.1 ms to ask, and a scaffold asks for dozens of days that the one before it has asked for. */
const ends = new LRUCache<string, string>({ max: 10_000 });
