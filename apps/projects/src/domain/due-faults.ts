import { addDays, BusinessCalendar, daysBetween } from '@works/platform/calendar';
import type { Fault } from './fault';
import { hung, within, type Hung } from './schedule';
import type { DueRule, TemplateDraft } from './template';

/** Ten years. No delivery takes longer, and counting further would cost every project of the template. */
export const OFFSET_DAYS_MAX = 3_650;

/** A project may start or end on any of them. */
const WEEK = Array.from({ length: 7 }, (_, day) => addDays('2024-01-01', day));
const STARTS: readonly Hung[] = WEEK.map((date) => ({ date, on: 'start' }));
const ENDS: readonly Hung[] = WEEK.map((date) => ({ date, on: 'end' }));

/**
 * Due rules that lead nowhere, whenever the project may start or end: before its start, after its end, or further than ten years.
 * What hangs on a milestone at fault is not at fault for that.
 */
export function dueFaults({ calendar: { working_days }, milestones }: Pick<TemplateDraft, 'calendar' | 'milestones'>): Fault[] {
  if (working_days.length === 0) return [];
  const calendar = new BusinessCalendar({ working_days, holidays: [] });
  const faults: Fault[] = [];

  const place = (rule: DueRule, pointer: string, milestone: readonly Hung[] | null): readonly Hung[] | null => {
    const from = { start: STARTS, end: ENDS, milestone }[rule.from];
    if (from === null) return null;
    const far = Math.abs(rule.offset) > OFFSET_DAYS_MAX;
    const dates = far ? [] : from.map((date) => hung(calendar, rule, date));
    const detail = far ? TOO_FAR : contradictionOf(dates);
    if (detail === null) return dates.map((date, day) => within(date, STARTS[day]!, ENDS[day]!));
    faults.push({ pointer: far ? `${pointer}/offset` : pointer, code: 'not_computable', detail });
    return null;
  };

  let previous: readonly Hung[] | null = STARTS;
  milestones.forEach(({ due, tasks }, index) => {
    const milestone = place(due, `/milestones/${index}/due`, previous);
    tasks.forEach((task, at) => place(task.due, `/milestones/${index}/tasks/${at}/due`, milestone));
    previous = milestone;
  });
  return faults;
}

const TOO_FAR = `must lead at most ${OFFSET_DAYS_MAX} days away from the start or the end of the project`;

function contradictionOf(dates: readonly Hung[]): string | null {
  const days = dates.map(({ date, on }, day) => (on === 'start' ? daysBetween(WEEK[day]!, date) : daysBetween(date, WEEK[day]!)));
  if (Math.max(...days) < 0) return dates[0]!.on === 'start' ? 'leads to before the project starts' : 'leads to after the project ends';
  return Math.min(...days) > OFFSET_DAYS_MAX ? TOO_FAR : null;
}
