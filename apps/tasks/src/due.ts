import { endOfDay } from '@works/platform/calendar';
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
  if (due_on != null && (due_on < '1000-01-01' || due_on > '9999-12-30'))
    errors.push({ pointer: '/due_on', code: 'not_a_date', detail: 'must lie in the years 1000 to 9999' });
  if (due_at != null && utc(due_at) === null)
    errors.push({
      pointer: '/due_at',
      code: 'not_an_instant',
      detail: 'must be an instant such as 2026-11-23T10:00:00Z, in the years 1000 to 9999 and in no leap second',
    });
  return errors;
}

/** The due date that is asked for, over the present one: a date takes the place of an instant, and an instant that of a date. */
export function dueAfter(present: Due, asked: AskedDue): Due & { readonly overdue_at: string | null } {
  const due = {
    due_on: asked.due_on !== undefined ? asked.due_on : asked.due_at != null ? null : present.due_on,
    due_at: asked.due_at != null ? utc(asked.due_at) : asked.due_at === null || asked.due_on != null ? null : present.due_at,
    time_zone: asked.time_zone ?? present.time_zone,
  };
  return { ...due, overdue_at: overdueAt(due) };
}

/** RFC 3339 in UTC; null for what neither Date nor PostgreSQL can hold: leap seconds, and years of other than four digits. */
function utc(instant: string): string | null {
  const ms = Date.parse(instant);
  const text = Number.isNaN(ms) ? '' : new Date(ms).toISOString();
  return /^[1-9]\d{3}-/.test(text) ? text : null;
}
