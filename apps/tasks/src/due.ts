import { endOfDay } from '@works/platform/calendar';

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
