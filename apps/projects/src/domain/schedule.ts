import { addDays, BusinessCalendar, daysBetween, type LocalDate } from '@works/platform/calendar';
import type { DueRule, TemplateDraft } from './template';

/** What the plan hangs on: the day it starts, or the day by which everything must be done. */
export type Anchor = { readonly starts_on: LocalDate } | { readonly due_on: LocalDate };

export interface Schedule {
  readonly starts_on: LocalDate;
  readonly due_on: LocalDate;
  /** In the order of the template. */
  readonly milestones: readonly { readonly due_on: LocalDate; readonly tasks: readonly LocalDate[] }[];
}

/** A date, and the end of the project that it moves with. */
export interface Hung {
  readonly date: LocalDate;
  readonly on: 'start' | 'end';
}

/** Publishing lets no rule lead further than ten years; holidays may stretch that, but never to this. */
const SPAN_DAYS_MAX = 36_600;

/**
 * The shortest span of days into which all due dates of the template fit: it begins on the start, or it ends on the end.
 * Searched and not computed, because holidays make a span's length depend on where it lies.
 */
export function schedule(template: Pick<TemplateDraft, 'calendar' | 'milestones'>, anchor: Anchor): Schedule {
  const calendar = new BusinessCalendar(template.calendar);
  const spanning = (days: number): Schedule =>
    'starts_on' in anchor
      ? between(template, calendar, anchor.starts_on, addDays(anchor.starts_on, days))
      : between(template, calendar, addDays(anchor.due_on, -days), anchor.due_on);
  return spanning(smallest(daysOutside(spanning(0)), (days) => daysOutside(spanning(days)) === 0));
}

function between(
  { milestones: phases }: Pick<TemplateDraft, 'milestones'>,
  calendar: BusinessCalendar,
  startsOn: LocalDate,
  dueOn: LocalDate,
): Schedule {
  const start: Hung = { date: startsOn, on: 'start' };
  const end: Hung = { date: dueOn, on: 'end' };
  const dueOf = (rule: DueRule, milestone: Hung) => within(hung(calendar, rule, { start, end, milestone }[rule.from]), start, end);
  let previousMilestone = start;
  const milestones = phases.map(({ due, tasks }) => {
    const milestone = dueOf(due, previousMilestone);
    previousMilestone = milestone;
    return { due_on: milestone.date, tasks: tasks.map((task) => dueOf(task.due, milestone).date) };
  });
  return { starts_on: startsOn, due_on: dueOn, milestones };
}

/** Where a rule leads to from the date that it counts from. */
export function hung(calendar: BusinessCalendar, { offset, unit }: DueRule, { date, on }: Hung): Hung {
  if (unit === 'days') return { date: addDays(date, offset), on };
  // What is due at the end must not slip behind it when the end is a day off.
  const backward = offset < 0 || (offset === 0 && on === 'end');
  return { date: backward ? calendar.before(date, -offset) : calendar.after(date, offset), on };
}

/** What weekends and holidays push out of the project is due on its first or its last day: no longer span would take it in. */
export function within({ date, on }: Hung, start: Hung, end: Hung): Hung {
  if (on === 'start') return date < start.date ? start : { date, on };
  return date > end.date ? end : { date, on };
}

/** How far the due dates reach out of the span. */
function daysOutside({ starts_on, due_on, milestones }: Schedule): number {
  const dates = milestones.flatMap((milestone) => [milestone.due_on, ...milestone.tasks]).sort();
  return Math.max(0, daysBetween(dates[0] ?? starts_on, starts_on), daysBetween(due_on, dates.at(-1) ?? due_on));
}

/** The smallest number for which it holds, searched from a guess; once it holds, it must hold for every larger one. */
function smallest(guess: number, holds: (count: number) => boolean): number {
  let failing = -1;
  let holding = Infinity;
  for (let probe = guess, step = 1; holding - failing > 1; step *= 2) {
    if (probe > SPAN_DAYS_MAX) throw new Error('The due dates of the template do not fit between any start and end');
    if (holds(probe)) holding = probe;
    else failing = probe;
    const middle = Math.floor((failing + holding) / 2);
    probe = holding === probe ? Math.max(middle, holding - step) : Math.min(middle, failing + step);
  }
  return holding;
}
