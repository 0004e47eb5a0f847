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

/**
 * The name of a zone as the tz database writes it (`Europe/Berlin` for `europe/berlin`), and null for what is none. Judged by what days are computed
 * with: `Intl` also knows abbreviations (`IST`, which is three zones) that computing refuses.
 */
export function timeZoneNamed(name: string): string | null {
  const known = names.get(name);
  if (known !== undefined) return known;
  // Offsets such as `+05:30` are no names and have no summer time; `SystemV/…` left the tz database in 2020.
  if (!/^[A-Za-z]/.test(name) || /^systemv\//i.test(name)) return null;
  try {
    const zoned = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    names.set(name, zoned.timeZoneId);
    return zoned.timeZoneId;
  } catch {
    return null;
  }
}

/** Asking for a zone costs some 50 µs; names that exist are few, names that do not are endless. */
const names = new LRUCache<string, string>({ max: 1_000 });
