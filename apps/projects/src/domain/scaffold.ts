import { endOfDay, isPlannable } from '@works/platform/calendar';
import { RuleViolation } from '@works/platform/errors';
import type { Id } from '@works/platform/ids';
import { cast, unsuitable } from './casting';
import type { Gate } from './milestone';
import { fill, type Values } from './placeholders';
import { schedule, type Anchor, type Schedule } from './schedule';
import type { Billing, Template, TemplateTask } from './template';

/** A task as the plan foresees it; the tasks service makes it with exactly this id. */
export interface PlannedTask {
  readonly id: Id<'tsk'>;
  readonly key: string;
  readonly title: string;
  readonly description: string | null;
  /** Null when nobody plays the role. */
  readonly assignee_id: Id<'usr'> | null;
  readonly priority: TemplateTask['priority'];
  readonly due_on: string;
  /** The end of `due_on` in the project's zone. */
  readonly overdue_at: string;
  readonly checklist: readonly { readonly key: string; readonly title: string; readonly done: boolean }[];
  readonly depends_on: readonly Id<'tsk'>[];
}

export interface PlannedMilestone {
  readonly id: Id<'mst'>;
  readonly key: string;
  readonly name: string;
  /** From 1. */
  readonly position: number;
  readonly due_on: string;
  readonly requires_sign_off: boolean;
  readonly billing: Billing | null;
  readonly tasks: readonly PlannedTask[];
}

export interface Scaffold {
  readonly starts_on: string;
  readonly due_on: string;
  /** Every role of the template that somebody plays. */
  readonly roles: Readonly<Record<string, Id<'usr'>>>;
  readonly milestones: readonly PlannedMilestone[];
}

/** What the caller gives to the template. */
export interface Brief {
  readonly ownerId: Id<'usr'>;
  readonly roles: Readonly<Record<string, Id<'usr'>>>;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly anchor: Anchor;
  readonly timeZone: string;
}

/** Where ids come from: data to the plan, so that planning stays pure. */
export type IdSource = <Prefix extends string>(prefix: Prefix) => Id<Prefix>;

/** The whole delivery, planned. Refuses with everything that is missing at once. */
export function scaffold(template: Template, brief: Brief, nextId: IdSource): Scaffold {
  refuseUnsuitable(template, brief);
  const { starts_on, due_on, milestones: dates } = schedule(template, brief.anchor);
  refuseOutOfTime(template, brief.anchor, dates);
  const roles = cast(template, brief.ownerId, brief.roles);
  const values = brief.variables as Values;
  const ids = template.milestones.map(({ tasks }) => ({ milestone: nextId('mst'), tasks: tasks.map(() => nextId('tsk')) }));
  const idOfKey = new Map(
    template.milestones.flatMap(({ tasks }, index) => tasks.map(({ key }, place) => [key, ids[index]!.tasks[place]!])),
  );

  const planTask = (task: TemplateTask, id: Id<'tsk'>, due: string): PlannedTask => ({
    id,
    key: task.key,
    title: fill(task.title, values),
    description: fill(task.description ?? '', values) || null,
    assignee_id: task.role === null ? null : (roles[task.role] ?? null),
    priority: task.priority,
    due_on: due,
    overdue_at: endOfDay(due, brief.timeZone),
    checklist: task.checklist.map(({ key, title }) => ({ key, title, done: false })),
    depends_on: task.depends_on.map((key) => idOfKey.get(key)!),
  });

  const milestones = template.milestones.map(({ key, name, requires_sign_off, billing, tasks }, index): PlannedMilestone => {
    const due = dates[index]!;
    const id = ids[index]!;
    return {
      id: id.milestone,
      key,
      name: fill(name, values),
      position: index + 1,
      due_on: due.due_on,
      requires_sign_off,
      billing,
      tasks: tasks.map((task, place) => planTask(task, id.tasks[place]!, due.tasks[place]!)),
    };
  });
  return { starts_on, due_on, roles, milestones };
}

/** What remains of a planned milestone once its tasks are the tasks service's. */
export const gateOf = ({ tasks: _told, ...milestone }: PlannedMilestone, projectId: Id<'prj'>): Gate => ({
  ...milestone,
  project_id: projectId,
});

/** A plan that begins or ends near the bounds of what can be planned for may lead out of them. */
function refuseOutOfTime({ key, milestones }: Template, anchor: Anchor, dates: Schedule['milestones']): void {
  const led = milestones.flatMap((milestone, index) => [
    { what: `milestone ${milestone.key}`, to: dates[index]!.due_on },
    ...milestone.tasks.map((task, place) => ({ what: `task ${task.key}`, to: dates[index]!.tasks[place]! })),
  ]);
  const out = led.find(({ to }) => !isPlannable(to));
  if (out === undefined) return;
  const detail = `leads ${out.what} to ${out.to}, which must lie in the years 2000 to 2199`;
  throw new RuleViolation('validation_failed', `The due dates of ${key} lead too far from there.`, {
    errors: [{ pointer: 'due_on' in anchor ? '/due_on' : '/starts_on', code: 'out_of_range', detail }],
  });
}

function refuseUnsuitable(template: Template, { roles, variables }: Brief): void {
  const errors = unsuitable(template, roles, variables);
  if (errors.length === 0) return;
  const missing = errors.filter(({ code }) => code === 'role_missing').length;
  throw missing > 0
    ? new RuleViolation('role_missing', `${template.key} has ${missing === 1 ? 'a role' : `${missing} roles`} that nobody fills.`, {
        errors,
      })
    : new RuleViolation(
        'validation_failed',
        `${errors.length === 1 ? '1 field does' : `${errors.length} fields do`} not suit ${template.key}.`,
        { errors },
      );
}
