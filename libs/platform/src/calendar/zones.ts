import { Temporal } from 'temporal-polyfill';
import type { LocalDate } from './dates';

/** The day that it is in a zone (an IANA name). */
export const today = (now: Date, timeZone: string): LocalDate =>
  Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timeZone).toPlainDate().toString();

/**
 * The instant at which a date is over in a zone, RFC 3339 in UTC. A day ends when the next one begins, which is not midnight
 * everywhere: some zones move their clocks at that hour, and then the day begins at one.
 */
export const endOfDay = (date: LocalDate, timeZone: string): string =>
  new Date(Temporal.PlainDate.from(date).add({ days: 1 }).toZonedDateTime(timeZone).epochMilliseconds).toISOString();
