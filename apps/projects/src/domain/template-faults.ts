import { isDate } from './casting';
import { cyclesIn } from './dependency-cycles';
import { dueFaults } from './due-faults';
import type { Fault } from './fault';
import { placeholdersIn } from './placeholders';
import type { TemplateDraft, TemplateTask } from './template';

export const MILESTONES_MAX = 100;
export const TASKS_MAX = 1_000;

/** What `project.created` can say of a plan in the 1,000,000 bytes of an event, with room left for the project and its variables. */
const PLAN_BYTES_MAX = 900_000;
/** What a planned task says beyond what the template says of it, and a dependency by id beyond one by key. */
const TASK_BYTES = 120;
const DEPENDENCY_BYTES = 33;

interface PlacedTask extends TemplateTask {
  readonly pointer: string;
}

/** Everything at once, so that an author need not find out one by one. None: the draft can be published, and every project planned with it. */
export function faultsIn(draft: TemplateDraft): Fault[] {
  const tasks = draft.milestones.flatMap((milestone, index) =>
    milestone.tasks.map((task, place): PlacedTask => ({ ...task, pointer: `/milestones/${index}/tasks/${place}` })),
  );
  return [
    ...sizeFaults(draft, tasks),
    ...calendarFaults(draft),
    ...(['roles', 'variables', 'milestones'] as const).flatMap((list) => duplicates(draft[list], (index) => `/${list}/${index}/key`)),
    ...duplicates(tasks, (index) => `${tasks[index]!.pointer}/key`),
    ...tasks.flatMap(({ checklist, pointer }) => duplicates(checklist, (index) => `${pointer}/checklist/${index}/key`)),
    ...roleFaults(draft, tasks),
    ...placeholderFaults(draft, tasks),
    ...dependencyFaults(tasks),
    ...dueFaults(draft),
  ];
}

function sizeFaults({ milestones }: TemplateDraft, tasks: readonly PlacedTask[]): Fault[] {
  const faults: Fault[] = [];
  const fault = (code: Fault['code'], detail: string) => faults.push({ pointer: '/milestones', code, detail });
  if (milestones.length > MILESTONES_MAX) fault('too_many', `must have at most ${MILESTONES_MAX} entries`);
  if (tasks.length > TASKS_MAX) fault('too_many', `must have at most ${TASKS_MAX} tasks in all, has ${tasks.length}`);
  const dependencies = tasks.reduce((count, { depends_on }) => count + depends_on.length, 0);
  const bytes = bytesOf(JSON.stringify(milestones)) + tasks.length * TASK_BYTES + dependencies * DEPENDENCY_BYTES;
  if (bytes > PLAN_BYTES_MAX) fault('too_large', `would make a plan of ${bytes} bytes; the most is ${PLAN_BYTES_MAX}`);
  return faults;
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

function calendarFaults({ calendar: { working_days, holidays } }: TemplateDraft): Fault[] {
  const none: Fault = { pointer: '/calendar/working_days', code: 'too_few', detail: 'must have at least 1 entry' };
  return [
    ...(working_days.length === 0 ? [none] : []),
    ...repeated(working_days, (index) => `/calendar/working_days/${index}`),
    ...holidays.flatMap((date, index): Fault[] =>
      isDate(date)
        ? []
        : [{ pointer: `/calendar/holidays/${index}`, code: 'not_a_date', detail: 'must be a date that exists, as YYYY-MM-DD' }],
    ),
    ...repeated(holidays, (index) => `/calendar/holidays/${index}`),
  ];
}

const duplicates = (entries: readonly { readonly key: string }[], pointerOf: (index: number) => string): Fault[] =>
  repeated(
    entries.map(({ key }) => key),
    pointerOf,
  );

/** Each that stands somewhere before, too. */
function repeated(entries: readonly string[], pointerOf: (index: number) => string): Fault[] {
  const seen = new Set<string>();
  return entries.flatMap((entry, index): Fault[] => {
    if (!seen.has(entry)) {
      seen.add(entry);
      return [];
    }
    return [{ pointer: pointerOf(index), code: 'duplicate', detail: `${entry} is there already` }];
  });
}

function roleFaults({ roles }: TemplateDraft, tasks: readonly PlacedTask[]): Fault[] {
  const known = new Set(roles.map(({ key }) => key));
  return tasks
    .filter(({ role }) => role !== null && !known.has(role))
    .map(({ role, pointer }) => ({ pointer: `${pointer}/role`, code: 'unknown_key', detail: `${role} is not one of the roles` }));
}

function placeholderFaults({ variables, milestones }: TemplateDraft, tasks: readonly PlacedTask[]): Fault[] {
  const known = new Set(variables.map(({ key }) => key));
  const texts: [pointer: string, text: string][] = [
    ...milestones.map(({ name }, index): [string, string] => [`/milestones/${index}/name`, name]),
    ...tasks.flatMap(({ title, description, pointer }): [string, string][] => [
      [`${pointer}/title`, title],
      [`${pointer}/description`, description ?? ''],
    ]),
  ];
  return texts.flatMap(([pointer, text]) =>
    [...new Set(placeholdersIn(text))]
      .filter((name) => !known.has(name))
      .map((name): Fault => ({ pointer, code: 'unknown_key', detail: `${name} is not one of the variables` })),
  );
}

function dependencyFaults(tasks: readonly PlacedTask[]): Fault[] {
  const placed = new Map(tasks.map((task) => [task.key, task]));
  const unknown = tasks.flatMap(({ depends_on, pointer }) =>
    depends_on.flatMap((key, index): Fault[] =>
      placed.has(key) ? [] : [{ pointer: `${pointer}/depends_on/${index}`, code: 'unknown_key', detail: `${key} is not one of the tasks` }],
    ),
  );
  const twice = tasks.flatMap(({ depends_on, pointer }) => repeated(depends_on, (index) => `${pointer}/depends_on/${index}`));
  const cycles = cyclesIn(tasks).map((cycle): Fault => {
    const { pointer, depends_on } = placed.get(cycle[0]!)!;
    return {
      pointer: `${pointer}/depends_on/${depends_on.indexOf(cycle[1]!)}`,
      code: 'cycle',
      detail: `waits for itself: ${cycle.join(' → ')}`,
    };
  });
  return [...unknown, ...twice, ...cycles];
}
