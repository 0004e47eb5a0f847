import { dateOf, dayNumber, type LocalDate } from './dates';

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** Which days are worked on. */
export interface WorkingDays {
  readonly working_days: readonly Weekday[];
  readonly holidays: readonly LocalDate[];
}

/** 1970-01-01, day 0, was a Thursday. */
const WEEKDAY_OF_DAY_0 = 3;

/**
 * Counts in working days. A day off counts as the next working day when counting forward, and as the one before when counting
 * backward: what starts on a Sunday is planned like what starts on the Monday, and what ends on one like what ends on the Friday.
 */
export class BusinessCalendar {
  private readonly workingWeekdays: readonly boolean[];
  private readonly holidays: ReadonlySet<number>;

  constructor({ working_days, holidays }: WorkingDays) {
    if (working_days.length === 0) throw new Error('A calendar without working days never comes to an end');
    this.workingWeekdays = WEEKDAYS.map((weekday) => working_days.includes(weekday));
    this.holidays = new Set(holidays.map(dayNumber));
  }

  isWorkingDay(date: LocalDate): boolean {
    return this.works(dayNumber(date));
  }

  /** The working day `count` working days after the date; 0 is the date itself, or the next working day. */
  after(date: LocalDate, count: number): LocalDate {
    return this.walk(date, count, 1);
  }

  /** The working day `count` working days before the date; 0 is the date itself, or the working day before. */
  before(date: LocalDate, count: number): LocalDate {
    return this.walk(date, count, -1);
  }

  private walk(date: LocalDate, count: number, step: 1 | -1): LocalDate {
    let day = this.nextWorkingDay(dayNumber(date), step);
    for (let left = count; left > 0; left--) day = this.nextWorkingDay(day + step, step);
    return dateOf(day);
  }

  private nextWorkingDay(day: number, step: 1 | -1): number {
    while (!this.works(day)) day += step;
    return day;
  }

  private works(day: number): boolean {
    // Twice modulo: days before 1970 are negative.
    const weekday = (((day + WEEKDAY_OF_DAY_0) % 7) + 7) % 7;
    return this.workingWeekdays[weekday]! && !this.holidays.has(day);
  }
}
