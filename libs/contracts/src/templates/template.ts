import { Fixed, Flag, IdOf, Instant, ListOf, Nested, OneOf, Text, WholeNumber } from '../fields';
import { MilestoneBilling } from '../milestones';
import { TASK_PRIORITIES, type TaskPriority } from '../tasks';

/** Names templates, and what is in them. */
export const TEMPLATE_KEY = /^[a-z0-9_]+$/;
export const KEY_CHARACTERS_MAX = 100;
/** Roles and variables are members of objects in `POST /projects`. */
export const ROLE_KEY_CHARACTERS_MAX = 64;

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export const VARIABLE_TYPES = ['text', 'number', 'date'] as const;
export type VariableType = (typeof VARIABLE_TYPES)[number];

const COUNT_MAX = 2_147_483_647;

/** Which days are worked on. */
export class TemplateCalendar {
  @ListOf({ type: 'string', enum: WEEKDAYS }, { max: 7 })
  working_days!: Weekday[];

  @ListOf({ type: 'string', format: 'date' }, { max: 1_000 })
  holidays!: string[];
}

export class TemplateRole {
  @Text({ max: ROLE_KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY })
  key!: string;

  @Text({ max: 200 })
  name!: string;

  @Flag({ description: 'Somebody must play it.' })
  required!: boolean;

  @OneOf(['owner'], { nullable: true, description: 'Who plays it when nobody is named.' })
  default!: 'owner' | null;
}

export class TemplateVariable {
  @Text({ max: ROLE_KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY })
  key!: string;

  @OneOf(VARIABLE_TYPES)
  type!: VariableType;

  @Flag()
  required!: boolean;
}

/** A date relative to the start or the end of the project, or to a milestone: a task's own; a milestone's the one before it, or the start. */
export class DueRule {
  @WholeNumber({ min: -3_650, max: 3_650, description: 'Negative leads to before.' })
  offset!: number;

  @OneOf(['business_days', 'days'])
  unit!: 'business_days' | 'days';

  @OneOf(['start', 'end', 'milestone'])
  from!: 'start' | 'end' | 'milestone';
}

export class TemplateChecklistItem {
  @Text({ max: KEY_CHARACTERS_MAX })
  key!: string;

  @Text({ max: 200 })
  title!: string;
}

export class TemplateTask {
  @Text({ max: KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY })
  key!: string;

  @Text({ max: 200, description: 'May hold variables, as `{{floor_area}}`.' })
  title!: string;

  @Text({ max: 10_000, nullable: true, description: 'May hold variables.' })
  description!: string | null;

  @Text({ max: ROLE_KEY_CHARACTERS_MAX, nullable: true, description: 'Who gets the task. Null: nobody yet.' })
  role!: string | null;

  @Nested(() => DueRule)
  due!: DueRule;

  @OneOf(TASK_PRIORITIES)
  priority!: TaskPriority;

  @ListOf(() => TemplateChecklistItem, { max: 100 })
  checklist!: TemplateChecklistItem[];

  @ListOf({ type: 'string', maxLength: KEY_CHARACTERS_MAX }, { max: 100, description: 'Keys of tasks, anywhere in the template.' })
  depends_on!: string[];
}

export class TemplateMilestone {
  @Text({ max: KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY })
  key!: string;

  @Text({ max: 200, description: 'May hold variables.' })
  name!: string;

  @Nested(() => DueRule)
  due!: DueRule;

  @Flag()
  requires_sign_off!: boolean;

  @Nested(() => MilestoneBilling, { nullable: true })
  billing!: MilestoneBilling | null;

  @ListOf(() => TemplateTask, { max: 1_000 })
  tasks!: TemplateTask[];
}

export class TemplateCounts {
  @WholeNumber({ min: 0, max: 100 })
  milestones!: number;

  @WholeNumber({ min: 0, max: 1_000 })
  tasks!: number;
}

/** A version of a template without its milestones, of which there can be a megabyte: a row of `GET /templates`. */
export class TemplateSummary {
  @IdOf('tpl', { description: 'The same for every version.' })
  id!: string;

  @Fixed('template')
  object!: 'template';

  @Text({ max: KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY })
  key!: string;

  @Text({ max: 200 })
  name!: string;

  @WholeNumber({ min: 1, max: COUNT_MAX, description: 'From 1. A version never changes.' })
  version!: number;

  @OneOf(['published'])
  status!: 'published';

  @Nested(() => TemplateCounts)
  counts!: TemplateCounts;

  @Nested(() => TemplateCalendar)
  calendar!: TemplateCalendar;

  @ListOf(() => TemplateRole)
  roles!: TemplateRole[];

  @ListOf(() => TemplateVariable)
  variables!: TemplateVariable[];

  @Instant({ description: 'When its first version was published.' })
  created_at!: string;

  @Instant({ description: 'When this version was published.' })
  updated_at!: string;
}

/** A named plan, in one of its versions, as every answer shows it. */
export class Template extends TemplateSummary {
  @ListOf(() => TemplateMilestone)
  milestones!: TemplateMilestone[];
}
