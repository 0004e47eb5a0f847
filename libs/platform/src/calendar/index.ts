export { addDays, daysBetween, isPlannable, type LocalDate } from './dates';
export { BusinessCalendar, WEEKDAYS, type Weekday, type WorkingDays } from './business-calendar';
export { endOfDay, timeZoneNamed, today } from './zones';
