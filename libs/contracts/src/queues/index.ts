import { Fixed, IdOf, Instant, ListOf, Nested, OneOf, Text, TimeZone, WholeNumber } from '../fields';
import { PageQuery } from '../lists';
import { Task } from '../tasks';

const TASKS_MAX = 2_147_483_647;

/** How many tasks each group has, also beyond those that are shown. */
export class QueueCounts {
  @WholeNumber({ min: 0, max: TASKS_MAX })
  overdue!: number;

  @WholeNumber({ min: 0, max: TASKS_MAX })
  today!: number;

  @WholeNumber({ min: 0, max: TASKS_MAX })
  upcoming!: number;

  @WholeNumber({ min: 0, max: TASKS_MAX })
  no_date!: number;
}

/** Where each group goes on behind the tasks that are shown; null where there are no more. */
export class QueueCursors {
  @Text({ max: 1_000, nullable: true })
  overdue!: string | null;

  @Text({ max: 1_000, nullable: true })
  today!: string | null;

  @Text({ max: 1_000, nullable: true })
  upcoming!: string | null;

  @Text({ max: 1_000, nullable: true })
  no_date!: string | null;
}

/** The open tasks of one person, each group with what falls due first first. Blocked tasks are marked, not hidden. */
export class Queue {
  @Fixed('queue')
  object!: 'queue';

  @IdOf('usr')
  user_id!: string;

  @TimeZone({ description: 'The zone whose today this is.' })
  time_zone!: string;

  @Instant({ description: 'The instant that divides overdue from today.' })
  as_of!: string;

  @Nested(() => QueueCounts)
  counts!: QueueCounts;

  @Nested(() => QueueCursors)
  next_cursors!: QueueCursors;

  @ListOf(() => Task, { max: 100 })
  overdue!: Task[];

  @ListOf(() => Task, { max: 100, description: 'Will be overdue when the day ends, or before.' })
  today!: Task[];

  @ListOf(() => Task, { max: 100 })
  upcoming!: Task[];

  @ListOf(() => Task, { max: 100 })
  no_date!: Task[];
}

/** Query of `GET /users/{id}/queue`. */
export class QueueQuery {
  @TimeZone({ optional: true, description: "Whose today. Default: the organization's zone." })
  time_zone?: string;
}

/** Query of `GET /users/{id}/queue/tasks`. */
export class QueueGroupQuery extends PageQuery {
  @OneOf(['overdue', 'today', 'upcoming', 'no_date'], { description: 'Which group of the queue.' })
  group!: 'overdue' | 'today' | 'upcoming' | 'no_date';

  @TimeZone({ optional: true, description: "Whose today. Default: the organization's zone. The same for the whole walk." })
  time_zone?: string;
}
