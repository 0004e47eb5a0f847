import { endOfDay, isPlannable, timeZoneNamed } from '@works/platform/calendar';
import type { FieldError } from '@works/platform/http';

interface Due {
  readonly due_on: string | null;
  readonly due_at: string | null;
  readonly time_zone: string;
}

/** From when an open task is overdue: from `due_at`, or from the end of `due_on` in its zone. Null without a date. */
export function overdueAt({ due_on, due_at, time_zone }: Due): string | null {
  if (due_at !== null) return due_at;
  return due_on === null ? null : endOfDay(due_on, time_zone);
}

interface AskedDue {
  readonly due_on?: string | null;
  readonly due_at?: string | null;
  readonly time_zone?: string | null;
}

/** What the body's schema cannot say of a due date. */
export function contradictionsInDue({ due_on, due_at }: AskedDue): FieldError[] {
  const errors: FieldError[] = [];
  if (due_on != null && due_at != null)
    errors.push({ pointer: '/due_at', code: 'not_allowed', detail: 'must not be given together with due_on' });
  if (due_at != null && !isPlannable(utc(due_at)))
    errors.push({ pointer: '/due_at', code: 'out_of_range', detail: 'must lie in the years 2000 to 2199, in UTC too' });
  return errors;
}

/** The due date that is asked for, over the present one: a date takes the place of an instant, and an instant that of a date. */
export function dueAfter(present: Due, asked: AskedDue): Due & { readonly overdue_at: string | null } {
  const due = {
    due_on: asked.due_on !== undefined ? asked.due_on : asked.due_at != null ? null : present.due_on,
    due_at: asked.due_at != null ? utc(asked.due_at) : asked.due_at === null || asked.due_on != null ? null : present.due_at,
    time_zone: (asked.time_zone && timeZoneNamed(asked.time_zone)) ?? present.time_zone,
  };
  return { overdue_at: overdueAt(due), ...due };
}

const utc = (instant: string): string => new Date(instant).toISOString();
