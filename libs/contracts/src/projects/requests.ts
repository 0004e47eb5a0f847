import {
  Flag,
  IdOf,
  Instant,
  Json,
  LocalDate,
  MapOf,
  Metadata,
  MetadataChanges,
  OneOf,
  PlannedDate,
  Text,
  TimeZone,
  WholeNumber,
  Words,
} from '../fields';
import { PageQuery } from '../lists';
import { PROJECT_OUTCOMES, PROJECT_STATUSES, type ProjectOutcome, type ProjectStatus } from './project';

/** Body of `POST /projects`. */
export class CreateProjectBody {
  @Words({ max: 200, example: 'Site fit-out' })
  name!: string;

  @IdOf('usr', { description: 'Plays every role that is given to the owner by default.' })
  owner_id!: string;

  @IdOf('dl', { optional: true, nullable: true, description: 'The won deal.' })
  deal_id?: string | null;

  @IdOf('ctc', { optional: true, nullable: true })
  contact_id?: string | null;

  @Words({
    max: 200,
    optional: true,
    nullable: true,
    description: 'Your own id; no other project of the organization and mode may have it.',
  })
  reference?: string | null;

  @Text({
    max: 100,
    pattern: /^[a-z0-9_]+$/,
    optional: true,
    nullable: true,
    description: 'Plan milestones and tasks from this template.',
    example: 'fitout_v2',
  })
  template?: string | null;

  @WholeNumber({ min: 1, max: 2_147_483_647, optional: true, nullable: true, description: 'Default: the newest.' })
  template_version?: number | null;

  @MapOf('usr', { optional: true, description: 'Who plays which role of the template.' })
  roles?: Record<string, string>;

  @Json({ optional: true, description: 'What the template asks for: texts, numbers and dates by name.' })
  variables?: Record<string, unknown>;

  @PlannedDate({
    optional: true,
    nullable: true,
    description: 'Plan forward from this day. Not together with `due_on`. With a template and neither: today.',
  })
  starts_on?: string | null;

  @PlannedDate({ optional: true, nullable: true, description: 'Plan backward from this day.' })
  due_on?: string | null;

  @TimeZone({ optional: true, nullable: true, description: "Default: the organization's." })
  time_zone?: string | null;

  @Metadata({ optional: true })
  metadata?: Record<string, string>;
}

/** Query of `POST /projects`. */
export class CreateProjectQuery {
  @Flag({ optional: true, description: 'Answer 200 with the plan and write nothing. The ids in it are examples.' })
  dry_run?: boolean;
}

/** Body of `PATCH /projects/{id}`: what is left out stays as it is. */
export class UpdateProjectBody {
  @Words({ max: 200, optional: true })
  name?: string;

  @IdOf('usr', { optional: true })
  owner_id?: string;

  @IdOf('dl', { optional: true, nullable: true })
  deal_id?: string | null;

  @IdOf('ctc', { optional: true, nullable: true })
  contact_id?: string | null;

  @Words({
    max: 200,
    optional: true,
    nullable: true,
    description: 'Your own id; no other project of the organization and mode may have it.',
  })
  reference?: string | null;

  @TimeZone({ optional: true, description: 'For what is added from now on; tasks keep the zone that they have.' })
  time_zone?: string;

  @PlannedDate({ optional: true, nullable: true, description: 'Moves no due date of milestones or tasks.' })
  starts_on?: string | null;

  @PlannedDate({ optional: true, nullable: true, description: 'Moves no due date of milestones or tasks.' })
  due_on?: string | null;

  @MetadataChanges({ optional: true, description: 'Merged into what is there: null removes a key. At most 50 keys may remain.' })
  metadata?: Record<string, string | null>;
}

/** Body of `POST /projects/{id}/close`. */
export class CloseProjectBody {
  @OneOf(PROJECT_OUTCOMES)
  outcome!: ProjectOutcome;

  @OneOf(['refuse', 'cancel'], {
    optional: true,
    description:
      'What becomes of open work. Default: a delivered project refuses to close over it, a cancelled one cancels its open tasks.',
  })
  open_tasks?: 'refuse' | 'cancel';
}

/** Query of `GET /projects`; filters together narrow. */
export class ListProjectsQuery extends PageQuery {
  @OneOf(PROJECT_STATUSES, { optional: true })
  status?: ProjectStatus;

  @IdOf('usr', { optional: true })
  owner_id?: string;

  @IdOf('dl', { optional: true })
  deal_id?: string;

  @IdOf('ctc', { optional: true })
  contact_id?: string;

  @Text({ max: 200, optional: true })
  reference?: string;

  @LocalDate({ optional: true, description: 'Due on this day or later.' })
  due_from?: string;

  @LocalDate({ optional: true, description: 'Due on this day or earlier.' })
  due_until?: string;

  @Metadata({ optional: true, description: 'Projects that have all of these: `metadata[po]=4711`.' })
  metadata?: Record<string, string>;
}

/** Query of `GET /projects/{id}`. */
export class FindProjectQuery {
  @OneOf(['milestones', 'milestones.tasks', 'milestones,milestones.tasks'], {
    optional: true,
    description: 'Answer the milestones with the project, or the milestones with their tasks. Tasks need the scope `tasks:read` as well.',
  })
  expand?: 'milestones' | 'milestones.tasks' | 'milestones,milestones.tasks';

  @Instant({
    optional: true,
    description:
      'The project as it was at this instant; 404 when there was none yet. Its own fields and its milestones are folded from their events. Tasks are counted by when they were made and when they ended the last time: one that was reopened, moved or put off since counts as it is now. Not together with the expansion of tasks.',
  })
  as_of?: string;
}
