/** A day of the ISO calendar, `YYYY-MM-DD`, in no zone. Comparing two as texts compares the days. */
export type LocalDate = string;

/**
 * Whether something may be planned for that day: in the years 2000 to 2199. From there, ten years of working days in either direction
 * are counted in no time and lead to dates that everybody can write and read.
 */
export const isPlannable = (date: LocalDate): boolean => /^2[01]/.test(date);

const DAY_MS = 86_400_000;

/** Days since 1970-01-01: date arithmetic on whole numbers, which no clock change can bend. */
export const dayNumber = (date: LocalDate): number => Date.parse(`${date}T00:00:00Z`) / DAY_MS;

export const dateOf = (day: number): LocalDate => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** Calendar days later, or earlier when `count` is negative. */
export const addDays = (date: LocalDate, count: number): LocalDate => dateOf(dayNumber(date) + count);

/** Calendar days from the first date to the second; negative when the second is earlier. */
export const daysBetween = (from: LocalDate, to: LocalDate): number => dayNumber(to) - dayNumber(from);
