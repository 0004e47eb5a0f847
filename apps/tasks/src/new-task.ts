import type { CreateTaskBody, NewChecklistItem } from '@works/contracts/tasks';
import type { FieldError } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import type { Plan, TaskId } from './domain/task';
import { contradictionsInDue, dueAfter } from './due';
import { inStoredOrder } from './metadata';

/** What no single field can be blamed for, so the body's schema cannot say it. */
export function contradictionsIn(body: CreateTaskBody): FieldError[] {
  const { project_id, milestone_id, checklist = [], depends_on = [] } = body;
  const errors = contradictionsInDue(body);
  if (milestone_id != null && project_id == null)
    errors.push({ pointer: '/project_id', code: 'required', detail: 'is required with milestone_id' });
  errors.push(...repeated(checklist.map(keyOf), (index) => `/checklist/${index}/key`));
  errors.push(...repeated(depends_on, (index) => `/depends_on/${index}`));
  return errors;
}

/** Values that were there before in the list; those that are absent repeat nothing. */
export const repeated = (values: readonly (string | undefined)[], pointerTo: (index: number) => string): FieldError[] =>
  values.flatMap((value, index) =>
    value !== undefined && values.indexOf(value) < index
      ? [{ pointer: pointerTo(index), code: 'duplicate', detail: 'is there already' }]
      : [],
  );

/** The task that is asked for, with everything said that was left open. */
export function planOf(body: CreateTaskBody, timeZone: string): Plan {
  return {
    id: newId('tsk'),
    project_id: (body.project_id ?? null) as Plan['project_id'],
    milestone_id: (body.milestone_id ?? null) as Plan['milestone_id'],
    key: null,
    title: body.title,
    description: body.description ?? null,
    priority: body.priority ?? 'normal',
    ...dueAfter({ due_on: null, due_at: null, time_zone: timeZone }, body),
    checklist: (body.checklist ?? []).map((item, index) => ({ key: keyOf(item, index), title: item.title, done: item.done ?? false })),
    depends_on: (body.depends_on ?? []) as TaskId[],
    metadata: inStoredOrder(Object.entries(body.metadata ?? {})),
  };
}

const keyOf = ({ key }: NewChecklistItem, index: number): string => key ?? `item_${index + 1}`;
