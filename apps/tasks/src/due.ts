import { Temporal } from 'temporal-polyfill';

interface Due {
  readonly due_on: string | null;
  readonly due_at: string | null;
  readonly time_zone: string;
}

/** From when an open task is overdue: from `due_at`, or from the end of `due_on` in its zone. Null without a date. */
export function overdueAt({ due_on, due_at, time_zone }: Due): string | null {
  if (due_at !== null) return due_at;
  return due_on === null ? null : endOfDay(Temporal.PlainDate.from(due_on), time_zone);
}

/** The end of the day that it is in a zone. */
export const endOfToday = (now: Date, timeZone: string): string =>
  endOfDay(Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timeZone).toPlainDate(), timeZone);

/** A day ends when the next begins, which is not midnight everywhere: some zones move their clocks at that hour. */
const endOfDay = (day: Temporal.PlainDate, timeZone: string): string =>
  new Date(day.add({ days: 1 }).toZonedDateTime(timeZone).epochMilliseconds).toISOString();
