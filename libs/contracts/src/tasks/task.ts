import { Actor } from '../actors';
import { Fixed, Flag, IdOf, Instant, ListOf, LocalDate, Metadata, Nested, OneOf, Text, TimeZone, WholeNumber } from '../fields';

export const TASK_STATUSES = ['open', 'completed', 'cancelled'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

export const TASK_PRIORITIES = ['urgent', 'high', 'normal', 'low'] as const;
export type TaskPriority = (typeof TASK_PRIORITIES)[number];

/** One line of a task's checklist. */
export class ChecklistItem {
  @Text({ max: 100, description: 'Names the line within its task.' })
  key!: string;

  @Text({ max: 200 })
  title!: string;

  @Flag()
  done!: boolean;
}

/**
 * A task as every answer, event and queue shows it. The fields stand in the order in which they go over the wire, so that
 * the task in the answer to `POST /projects` and the one that `GET /tasks/{id}` answers are the same bytes.
 */
export class Task {
  @IdOf('tsk')
  id!: string;

  @Fixed('task')
  object!: 'task';

  @IdOf('prj', { nullable: true, description: 'Null: the task stands alone.' })
  project_id!: string | null;

  @IdOf('mst', { nullable: true })
  milestone_id!: string | null;

  @Text({ max: 100, nullable: true, description: "The task's name in the template it came from." })
  key!: string | null;

  @Text({ max: 200 })
  title!: string;

  @Text({ max: 10_000, nullable: true })
  description!: string | null;

  @OneOf(TASK_STATUSES)
  status!: TaskStatus;

  @IdOf('usr', { nullable: true, description: 'In whose queue the task is. Null: in none.' })
  assignee_id!: string | null;

  @OneOf(TASK_PRIORITIES)
  priority!: TaskPriority;

  @LocalDate({ nullable: true, description: 'The last day on which the task is in time, in `time_zone`. Never together with `due_at`.' })
  due_on!: string | null;

  @Instant({ nullable: true, description: 'The instant from which the task is overdue. Never together with `due_on`.' })
  due_at!: string | null;

  @TimeZone({ description: 'The zone whose calendar `due_on` is read in.' })
  time_zone!: string;

  @Flag({ description: 'Open, and its due day or instant has passed.' })
  overdue!: boolean;

  @ListOf(() => ChecklistItem, { max: 100 })
  checklist!: ChecklistItem[];

  @ListOf('tsk', { max: 100, description: 'Tasks that should be completed first.' })
  depends_on!: string[];

  @Flag({ description: 'Open, and a task it depends on is open too.' })
  blocked!: boolean;

  @Metadata()
  metadata!: Record<string, string>;

  @Instant({ nullable: true })
  completed_at!: string | null;

  @Nested(() => Actor, { nullable: true })
  completed_by!: Actor | null;

  @Instant({ nullable: true })
  cancelled_at!: string | null;

  @Instant()
  created_at!: string;

  @Instant()
  updated_at!: string;

  @WholeNumber({
    min: 1,
    max: 2_147_483_647,
    description: 'Counts the changes: a task made with an assignee begins at 2, created and assigned.',
  })
  version!: number;
}
