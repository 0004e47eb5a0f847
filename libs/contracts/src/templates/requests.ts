import { Flag, ListOf, Nested, OneOf, Text, WholeNumber, Words } from '../fields';
import { MilestoneBilling } from '../milestones';
import { TASK_PRIORITIES, type TaskPriority } from '../tasks';
import {
  DueRule,
  KEY_CHARACTERS_MAX,
  ROLE_KEY_CHARACTERS_MAX,
  TEMPLATE_KEY,
  VARIABLE_TYPES,
  type VariableType,
  WEEKDAYS,
  type Weekday,
} from './template';

export class NewTemplateCalendar {
  @ListOf({ type: 'string', enum: WEEKDAYS }, { max: 7, optional: true, description: 'Default: Monday to Friday.' })
  working_days?: Weekday[];

  @ListOf({ type: 'string', format: 'date' }, { max: 1_000, optional: true })
  holidays?: string[];
}

export class NewTemplateRole {
  @Text({ max: ROLE_KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY, example: 'site_engineer' })
  key!: string;

  @Words({ max: 200, example: 'site engineer' })
  name!: string;

  @Flag({ optional: true, description: 'Somebody must play it. Default: true.' })
  required?: boolean;

  @OneOf(['owner'], { optional: true, nullable: true, description: 'Who plays it when nobody is named. Default: null, nobody.' })
  default?: 'owner' | null;
}

export class NewTemplateVariable {
  @Text({ max: ROLE_KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY, example: 'floor_area' })
  key!: string;

  @OneOf(VARIABLE_TYPES)
  type!: VariableType;

  @Flag({ optional: true, description: 'Default: true. Where an optional one is not given, its placeholders vanish.' })
  required?: boolean;
}

export class NewTemplateChecklistItem {
  @Words({ max: KEY_CHARACTERS_MAX })
  key!: string;

  @Words({ max: 200 })
  title!: string;
}

export class NewTemplateTask {
  @Text({ max: KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY })
  key!: string;

  @Words({ max: 200, description: 'May hold variables, as `{{floor_area}}`.' })
  title!: string;

  @Words({ max: 10_000, optional: true, nullable: true, description: 'May hold variables.' })
  description?: string | null;

  @Text({ max: ROLE_KEY_CHARACTERS_MAX, optional: true, nullable: true, description: 'Who gets the task. Default: null, nobody yet.' })
  role?: string | null;

  @Nested(() => DueRule)
  due!: DueRule;

  @OneOf(TASK_PRIORITIES, { optional: true, description: 'Default: normal.' })
  priority?: TaskPriority;

  @ListOf(() => NewTemplateChecklistItem, { max: 100, optional: true })
  checklist?: NewTemplateChecklistItem[];

  @ListOf(
    { type: 'string', maxLength: KEY_CHARACTERS_MAX },
    {
      max: 100,
      optional: true,
      description: 'Keys of tasks, anywhere in the template.',
    },
  )
  depends_on?: string[];
}

export class NewTemplateMilestone {
  @Text({ max: KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY })
  key!: string;

  @Words({ max: 200, description: 'May hold variables.' })
  name!: string;

  @Nested(() => DueRule)
  due!: DueRule;

  @Flag({ optional: true, description: 'Reached only by somebody who says so. Default: false.' })
  requires_sign_off?: boolean;

  @Nested(() => MilestoneBilling, { optional: true, nullable: true })
  billing?: MilestoneBilling | null;

  @ListOf(() => NewTemplateTask, { max: 1_000, optional: true, description: 'At most 1,000 in the whole template.' })
  tasks?: NewTemplateTask[];
}

/** Body of `POST /templates/{key}/versions`. */
export class PublishTemplateVersionBody {
  @Words({ max: 200, example: 'Retail roll-out' })
  name!: string;

  @Nested(() => NewTemplateCalendar, { optional: true, description: 'Which days count as business days.' })
  calendar?: NewTemplateCalendar;

  @ListOf(() => NewTemplateRole, { optional: true })
  roles?: NewTemplateRole[];

  @ListOf(() => NewTemplateVariable, { optional: true })
  variables?: NewTemplateVariable[];

  @ListOf(() => NewTemplateMilestone, { description: 'In order.' })
  milestones!: NewTemplateMilestone[];
}

/** Body of `POST /templates`. */
export class CreateTemplateBody extends PublishTemplateVersionBody {
  @Text({ max: KEY_CHARACTERS_MAX, pattern: TEMPLATE_KEY, description: 'No other template may have it.', example: 'retail_v1' })
  key!: string;
}

/** Query of `GET /templates/{key}`. */
export class FindTemplateQuery {
  @WholeNumber({ min: 1, max: 2_147_483_647, optional: true, description: 'Default: the newest.' })
  version?: number;
}
