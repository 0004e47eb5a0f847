import {
  Flag,
  IdOf,
  ListOf,
  LocalDate,
  Metadata,
  MetadataChanges,
  OneOf,
  PlannedDate,
  PlannedInstant,
  Text,
  TimeZone,
  WithoutFields,
  Words,
} from '../fields';
import { PageQuery } from '../lists';
import { TASK_PRIORITIES, TASK_STATUSES, type TaskPriority, type TaskStatus } from './task';

/** One line of the checklist of a new task. */
export class NewChecklistItem {
  @Words({ max: 200 })
  title!: string;

  @Words({ max: 100, optional: true, description: 'Names the line within its task; made from its place when absent.' })
  key?: string;

  @Flag({ optional: true })
  done?: boolean;
}

/** Body of `POST /tasks`. */
export class CreateTaskBody {
  @Words({ max: 200, example: 'Order the glass partitions' })
  title!: string;

  @Words({ max: 10_000, optional: true, nullable: true })
  description?: string | null;

  @IdOf('prj', { optional: true, nullable: true, description: 'Absent: the task stands alone.' })
  project_id?: string | null;

  @IdOf('mst', { optional: true, nullable: true, description: 'A milestone of that project.' })
  milestone_id?: string | null;

  @IdOf('usr', { optional: true, nullable: true, description: 'In whose queue the task lands.' })
  assignee_id?: string | null;

  @PlannedDate({ optional: true, nullable: true, description: 'The last day on which the task is in time. Not together with `due_at`.' })
  due_on?: string | null;

  @PlannedInstant({
    optional: true,
    nullable: true,
    description: 'The instant from which the task is overdue. Not together with `due_on`.',
  })
  due_at?: string | null;

  @TimeZone({ optional: true, description: "Default: the project's, or else the organization's." })
  time_zone?: string | null;

  @OneOf(TASK_PRIORITIES, { optional: true, description: 'Default: normal.' })
  priority?: TaskPriority;

  @ListOf(() => NewChecklistItem, { max: 100, optional: true })
  checklist?: NewChecklistItem[];

  @ListOf('tsk', { max: 100, optional: true, description: 'Tasks of the same project (or of none) that should be completed first.' })
  depends_on?: string[];

  @Metadata({ optional: true })
  metadata?: Record<string, string>;
}

/** One line of a checklist as it shall be: a line that is there already, or a new one. */
export class ChecklistItemChange {
  @Words({ max: 100, optional: true, description: 'The key of a line that is there. Absent: the line with this title, or a new one.' })
  key?: string;

  @Words({ max: 200, optional: true, description: 'Required for a new line; a line that is there keeps its own.' })
  title?: string;

  @Flag({ optional: true, description: 'Absent: as the line is; false for a new one.' })
  done?: boolean;
}

/** Body of `PATCH /tasks/{id}`: what is absent stays as it is. */
export class UpdateTaskBody {
  @Words({ max: 200, optional: true, example: 'Order the glass partitions' })
  title?: string;

  @Words({ max: 10_000, optional: true, nullable: true })
  description?: string | null;

  @IdOf('mst', {
    optional: true,
    nullable: true,
    description: "A milestone of the task's project; null takes the task out of its milestone.",
  })
  milestone_id?: string | null;

  @PlannedDate({ optional: true, nullable: true, description: 'Takes the place of `due_at`. Not together with it.' })
  due_on?: string | null;

  @PlannedInstant({ optional: true, nullable: true, description: 'Takes the place of `due_on`. Not together with it.' })
  due_at?: string | null;

  @TimeZone({ optional: true })
  time_zone?: string;

  @OneOf(TASK_PRIORITIES, { optional: true })
  priority?: TaskPriority;

  @ListOf(() => ChecklistItemChange, {
    max: 100,
    optional: true,
    description:
      'The whole list, in its new order; lines that are not in it go. `[{ "key": "item_1", "done": true }]` ticks the only line.',
  })
  checklist?: ChecklistItemChange[];

  @ListOf('tsk', {
    max: 100,
    optional: true,
    description: 'The whole list: tasks of the same project (or, like this one, of none) that should be completed first.',
  })
  depends_on?: string[];

  @MetadataChanges({ optional: true, description: 'Merged: null removes a key, keys that are absent stay. At most 50 keys result.' })
  metadata?: Record<string, string | null>;
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

/** Body of `POST /tasks/{id}/reopen`. */
@WithoutFields()
export class ReopenTaskBody {}

/** Body of `POST /tasks/{id}/cancel`. */
@WithoutFields()
export class CancelTaskBody {}

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

  @LocalDate({
    optional: true,
    description: 'Falls due on this day or later. The day of a task is its `due_on`, or that of its `due_at` in its `time_zone`.',
  })
  due_from?: string;

  @LocalDate({ optional: true, description: 'Falls due on this day or earlier.' })
  due_until?: string;

  @Flag({ optional: true })
  overdue?: boolean;

  @Flag({ optional: true })
  blocked?: boolean;

  @Text({ max: 200, optional: true, description: 'Is in the title, in whatever case.' })
  title?: string;

  @Metadata({ optional: true, description: 'Has just this value under this key: `?metadata[po]=4711`. Several keys narrow together.' })
  metadata?: Record<string, string>;
}
