import { METADATA_KEYS_MAX } from '@works/contracts/fields';
import type { ChecklistItemChange, UpdateTaskBody } from '@works/contracts/tasks';
import { invalid, type FieldError } from '@works/platform/http';
import type { Details, OpenTask } from './domain/task';
import { contradictionsInDue, dueAfter } from './due';
import { merged } from './metadata';
import { repeated } from './new-task';

type Checklist = Details['checklist'];

/** What no single field can be blamed for, so the body's schema cannot say it. */
export const contradictionsInChanges = (body: UpdateTaskBody): FieldError[] => [
  ...contradictionsInDue(body),
  ...repeated(
    (body.checklist ?? []).map(({ key }) => key),
    (index) => `/checklist/${index}/key`,
  ),
  ...repeated(body.depends_on ?? [], (index) => `/depends_on/${index}`),
];

/** What the task shall be like. Refuses what is wrong only because of what the task is like now. */
export function detailsAfter(task: OpenTask, body: UpdateTaskBody): Partial<Details> {
  const { due_on: _on, due_at: _at, time_zone: _zone, checklist, metadata, ...plain } = body;
  const lines = checklist && linesAfter(task.checklist, checklist);
  const notes = metadata && merged(task.metadata, metadata);
  const errors: FieldError[] = (lines ?? []).flatMap(({ title }, index) =>
    title === undefined ? [{ pointer: `/checklist/${index}/title`, code: 'required', detail: 'is required for a new line' }] : [],
  );
  if (notes !== undefined && Object.keys(notes).length > METADATA_KEYS_MAX)
    errors.push({
      pointer: '/metadata',
      code: 'too_many',
      detail: `must have at most ${METADATA_KEYS_MAX} entries together with those that stay`,
    });
  if (errors.length > 0) throw invalid(errors);
  return { ...plain, ...dueAfter(task, body), ...(lines && { checklist: lines }), ...(notes && { metadata: notes }) } as Partial<Details>;
}

/** A line is known by its key, or without one by its title; whatever is not said of it stays. Any other line is new. */
function linesAfter(
  present: Checklist,
  wanted: readonly ChecklistItemChange[],
): { key: string; title: string | undefined; done: boolean }[] {
  const taken = new Set([...present.map(({ key }) => key), ...wanted.flatMap(({ key }) => key ?? [])]);
  const unclaimed = new Map(present.filter(({ key }) => !wanted.some((line) => line.key === key)).map((line) => [line.key, line]));
  const titled = (title: string | undefined) => [...unclaimed.values()].find((line) => line.title === title);
  return wanted.map(({ key, title, done }, index) => {
    const line = key === undefined ? titled(title) : present.find((known) => known.key === key);
    if (line !== undefined) unclaimed.delete(line.key);
    return { key: key ?? line?.key ?? newKey(taken, index), title: title ?? line?.title, done: done ?? line?.done ?? false };
  });
}

/** From its place, as with a new task, unless that is the key of another line. */
function newKey(taken: Set<string>, index: number): string {
  let number = index + 1;
  while (taken.has(`item_${number}`)) number += 1;
  taken.add(`item_${number}`);
  return `item_${number}`;
}
