import { Flag, IdOf, Instant, ListOf, LocalDate, Metadata, OneOf, Text, TimeZone } from '../fields';
import { PageQuery } from '../lists';
import { TASK_PRIORITIES, TASK_STATUSES, type TaskPriority, type TaskStatus } from './task';

/** One line of the checklist of a new task. */
export class NewChecklistItem {
  @Text({ max: 200 })
  title!: string;

  @Text({ max: 100, optional: true, description: 'Names the line within its task; made from its place when absent.' })
  key?: string;

  @Flag({ optional: true })
  done?: boolean;
}

/** Body of `POST /tasks`. */
export class CreateTaskBody {
  @Text({ max: 200, example: 'Order the glass partitions' })
  title!: string;

  @Text({ max: 10_000, optional: true, nullable: true })
  description?: string | null;

  @IdOf('prj', { optional: true, nullable: true, description: 'Absent: the task stands alone.' })
  project_id?: string | null;

  @IdOf('mst', { optional: true, nullable: true, description: 'A milestone of that project.' })
  milestone_id?: string | null;

  @IdOf('usr', { optional: true, nullable: true, description: 'In whose queue the task lands.' })
  assignee_id?: string | null;

  @LocalDate({ optional: true, nullable: true, description: 'The last day on which the task is in time. Not together with `due_at`.' })
  due_on?: string | null;

  @Instant({ optional: true, nullable: true, description: 'The instant from which the task is overdue. Not together with `due_on`.' })
  due_at?: string | null;

  @TimeZone({ optional: true, description: "Default: the project's, or else the organization's." })
  time_zone?: string | null;

  @OneOf(TASK_PRIORITIES, { optional: true, description: 'Default: normal.' })
  priority?: TaskPriority;

  @ListOf(() => NewChecklistItem, { max: 100, optional: true })
  checklist?: NewChecklistItem[];

  @ListOf('tsk', { max: 100, optional: true, description: 'Tasks that should be completed first.' })
  depends_on?: string[];

  @Metadata({ optional: true })
  metadata?: Record<string, string>;
}

/** Body of `POST /tasks/{id}/assign`. */
export class AssignTaskBody {
  @IdOf('usr', { nullable: true, description: 'Null takes the task out of every queue.' })
  assignee_id!: string | null;
}

/** Body of `POST /tasks/{id}/complete`. */
export class CompleteTaskBody {
  @Flag({ optional: true, description: 'Complete it although tasks that it depends on are still open.' })
  force?: boolean;
}

/** Query of `GET /tasks`; filters together narrow. */
export class ListTasksQuery extends PageQuery {
  @IdOf('prj', { optional: true })
  project_id?: string;

  @IdOf('mst', { optional: true })
  milestone_id?: string;

  @IdOf('usr', { optional: true })
  assignee_id?: string;

  @OneOf(TASK_STATUSES, { optional: true })
  status?: TaskStatus;
}
