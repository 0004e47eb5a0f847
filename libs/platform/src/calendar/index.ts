export { addDays, daysBetween, type LocalDate } from './dates';
export { BusinessCalendar, WEEKDAYS, type Weekday, type WorkingDays } from './business-calendar';
export { endOfDay, today } from './zones';
