import {
  Fixed,
  Flag,
  IdOf,
  Instant,
  Json,
  ListOf,
  LocalDate,
  MapOf,
  Metadata,
  Nested,
  OneOf,
  Text,
  TimeZone,
  WholeNumber,
} from '../fields';
import { ExpandedMilestone, PlannedMilestone } from '../milestones';

export const PROJECT_STATUSES = ['active', 'closed'] as const;
export type ProjectStatus = (typeof PROJECT_STATUSES)[number];

export const PROJECT_OUTCOMES = ['delivered', 'cancelled'] as const;
export type ProjectOutcome = (typeof PROJECT_OUTCOMES)[number];

const COUNT_MAX = 2_147_483_647;

/** The version of a template that the project was planned with. */
export class TemplateReference {
  @Text({ max: 100 })
  key!: string;

  @WholeNumber({ min: 1, max: COUNT_MAX })
  version!: number;
}

export class ProjectProgress {
  @WholeNumber({ min: 0, max: COUNT_MAX })
  milestones!: number;

  @WholeNumber({ min: 0, max: COUNT_MAX })
  milestones_reached!: number;

  @WholeNumber({ min: 0, max: COUNT_MAX, description: 'Tasks of the project that are not cancelled.' })
  tasks!: number;

  @WholeNumber({ min: 0, max: COUNT_MAX })
  tasks_completed!: number;

  @WholeNumber({ min: 0, max: COUNT_MAX, description: 'Open tasks whose due day or instant has passed.' })
  tasks_overdue!: number;
}

/** A delivery, as every answer and event shows it; the fields stand in the order in which they go over the wire. */
export class Project {
  @IdOf('prj')
  id!: string;

  @Fixed('project')
  object!: 'project';

  @Text({ max: 200 })
  name!: string;

  @OneOf(PROJECT_STATUSES)
  status!: ProjectStatus;

  @OneOf(PROJECT_OUTCOMES, { nullable: true, description: 'Null while the project is active.' })
  outcome!: ProjectOutcome | null;

  @IdOf('usr')
  owner_id!: string;

  @IdOf('dl', { nullable: true, description: 'The won deal: a reference, not a copy.' })
  deal_id!: string | null;

  @IdOf('ctc', { nullable: true })
  contact_id!: string | null;

  @Text({ max: 200, nullable: true, description: "The caller's own id, unique per organization and mode." })
  reference!: string | null;

  @TimeZone({ description: "The zone in which the project's days begin and end." })
  time_zone!: string;

  @LocalDate({ nullable: true })
  starts_on!: string | null;

  @LocalDate({ nullable: true })
  due_on!: string | null;

  @Nested(() => TemplateReference, { nullable: true })
  template!: TemplateReference | null;

  @MapOf('usr', { description: 'Who plays which role.' })
  roles!: Record<string, string>;

  @Json({ description: 'What was given to the template: texts, numbers and dates by name.' })
  variables!: Record<string, string | number>;

  @Metadata()
  metadata!: Record<string, string>;

  @Nested(() => ProjectProgress)
  progress!: ProjectProgress;

  @Instant({ nullable: true })
  closed_at!: string | null;

  @Instant()
  created_at!: string;

  @Instant()
  updated_at!: string;

  @WholeNumber({ min: 1, max: COUNT_MAX })
  version!: number;
}

/** A project with everything that was planned for it: what opening one answers. */
export class PlannedProject extends Project {
  @ListOf(() => PlannedMilestone, { max: 1_000 })
  milestones!: PlannedMilestone[];
}

/** What opening the project would have answered. Nothing was written, and no id in it is reserved: the real answer has others. */
export class ProjectPreview extends PlannedProject {
  @Flag({ description: 'Always true.' })
  dry_run!: true;
}

/** A project with what `expand` asked for. */
export class ExpandedProject extends Project {
  @ListOf(() => ExpandedMilestone, { max: 1_000, optional: true, description: 'With `expand=milestones` or `expand=milestones.tasks`.' })
  milestones?: ExpandedMilestone[];
}
