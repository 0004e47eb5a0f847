import type { CreateTaskBody, NewChecklistItem } from '@works/contracts/tasks';
import type { FieldError } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import type { Plan, TaskId } from './domain/task';
import { overdueAt } from './due';

/** What no single field can be blamed for, so the body's schema cannot say it. */
export function contradictionsIn({
  due_on,
  due_at,
  project_id,
  milestone_id,
  checklist = [],
  depends_on = [],
}: CreateTaskBody): FieldError[] {
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
  if (milestone_id != null && project_id == null)
    errors.push({ pointer: '/project_id', code: 'required', detail: 'is required with milestone_id' });
  errors.push(...repeated(checklist.map(keyOf), (index) => `/checklist/${index}/key`));
  errors.push(...repeated(depends_on, (index) => `/depends_on/${index}`));
  return errors;
}

const repeated = (values: readonly string[], pointerTo: (index: number) => string): FieldError[] =>
  values.flatMap((value, index) =>
    values.indexOf(value) < index ? [{ pointer: pointerTo(index), code: 'duplicate', detail: 'is there already' }] : [],
  );

/** RFC 3339 in UTC; null for what neither Date nor PostgreSQL can hold: leap seconds, and years of other than four digits. */
function utc(instant: string): string | null {
  const ms = Date.parse(instant);
  const text = Number.isNaN(ms) ? '' : new Date(ms).toISOString();
  return /^[1-9]\d{3}-/.test(text) ? text : null;
}

/** The task that is asked for, with everything said that was left open. */
export function planOf(body: CreateTaskBody, timeZone: string): Plan {
  const due = {
    due_on: body.due_on ?? null,
    due_at: body.due_at == null ? null : utc(body.due_at),
    time_zone: body.time_zone ?? timeZone,
  };
  return {
    id: newId('tsk'),
    project_id: (body.project_id ?? null) as Plan['project_id'],
    milestone_id: (body.milestone_id ?? null) as Plan['milestone_id'],
    key: null,
    title: body.title,
    description: body.description ?? null,
    priority: body.priority ?? 'normal',
    ...due,
    overdue_at: overdueAt(due),
    checklist: (body.checklist ?? []).map((item, index) => ({ key: keyOf(item, index), title: item.title, done: item.done ?? false })),
    depends_on: (body.depends_on ?? []) as TaskId[],
    metadata: body.metadata ?? {},
  };
}

const keyOf = ({ key }: NewChecklistItem, index: number): string => key ?? `item_${index + 1}`;
