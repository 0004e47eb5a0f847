import { addDays, BusinessCalendar, daysBetween, type LocalDate } from '@works/platform/calendar';
import type { DueRule, Template } from './template';

/** What the plan hangs on: the day it starts, or the day by which everything must be done. */
export type Anchor = { readonly starts_on: LocalDate } | { readonly due_on: LocalDate };

export interface Schedule {
  readonly starts_on: LocalDate;
  readonly due_on: LocalDate;
  /** In the order of the template. */
  readonly milestones: readonly { readonly due_on: LocalDate; readonly tasks: readonly LocalDate[] }[];
}

/** No delivery takes longer than ten years; a template that does not fit into them contradicts itself. */
const SPAN_DAYS_MAX = 3_660;

/**
 * The shortest span of days into which all due dates of the template fit: it begins on the start, or it ends on the end.
 * Searched and not computed, because holidays make a span's length depend on where it lies.
 */
export function schedule(template: Template, anchor: Anchor): Schedule {
  const calendar = new BusinessCalendar(template.calendar);
  const spanning = (days: number): Schedule =>
    'starts_on' in anchor
      ? between(template, calendar, anchor.starts_on, addDays(anchor.starts_on, days))
      : between(template, calendar, addDays(anchor.due_on, -days), anchor.due_on);
  return spanning(smallest(daysOutside(spanning(0)), (days) => daysOutside(spanning(days)) === 0));
}

function between(template: Template, calendar: BusinessCalendar, startsOn: LocalDate, dueOn: LocalDate): Schedule {
  let previousMilestone = startsOn;
  const dueOf = (rule: DueRule, milestone: LocalDate) => counted(calendar, rule, { start: startsOn, end: dueOn, milestone }[rule.from]);
  const milestones = template.milestones.map(({ due, tasks }) => {
    const milestone = dueOf(due, previousMilestone);
    previousMilestone = milestone;
    return { due_on: milestone, tasks: tasks.map((task) => dueOf(task.due, milestone)) };
  });
  return { starts_on: startsOn, due_on: dueOn, milestones };
}

function counted(calendar: BusinessCalendar, { offset, unit, from }: DueRule, date: LocalDate): LocalDate {
  if (unit === 'days') return addDays(date, offset);
  // What is due at the end must not slip behind it when the end is a day off.
  const backward = offset < 0 || (offset === 0 && from === 'end');
  return backward ? calendar.before(date, -offset) : calendar.after(date, offset);
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
