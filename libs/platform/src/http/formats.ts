import { timeZoneNamed } from '../calendar';

/** What the formats of the contract accept. Whatever passes here, JavaScript and PostgreSQL can both read. */
export const FORMATS = { date: isDate, 'date-time': isInstant, 'time-zone': isTimeZone } as const;

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
// RFC 3339 without what not everybody can read: the space for the T, offsets without colon or minutes.
const INSTANT = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** A day that the calendar has. There is no year 0 (PostgreSQL refuses it). */
export function isDate(text: string): boolean {
  const [, year, month, day] = DATE.exec(text) ?? [];
  return (
    year !== undefined && Number(year) >= 1 && Number(month) >= 1 && Number(day) >= 1 && Number(day) <= daysIn(Number(year), Number(month))
  );
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const daysIn = (year: number, month: number): number =>
  month === 2 && (year % 400 === 0 || (year % 4 === 0 && year % 100 !== 0)) ? 29 : (DAYS[month - 1] ?? 0);

/** Leap seconds are refused: neither Date nor timestamptz can hold one. In UTC the year still has four digits. */
export function isInstant(text: string): boolean {
  const [, date] = INSTANT.exec(text) ?? [];
  if (date === undefined || !isDate(date)) return false;
  const ms = Date.parse(text);
  return ms >= FIRST_MS && ms <= LAST_MS;
}

function isTimeZone(name: string): boolean {
  return timeZoneNamed(name) !== null;
}
