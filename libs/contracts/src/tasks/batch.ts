import { classBy, Fixed, Flag, IdOf, Json, ListOf, Nested, OneOf, oneOfClasses, WholeNumber } from '../fields';
import { CreateTaskBody, UpdateTaskBody } from './requests';
import { Task } from './task';

export class CreateTaskOperation {
  @Fixed('create')
  op!: 'create';

  @Nested(() => CreateTaskBody, { description: 'As the body of `POST /tasks`.' })
  task!: CreateTaskBody;
}

export class UpdateTaskOperation {
  @Fixed('update')
  op!: 'update';

  @IdOf('tsk')
  id!: string;

  @Nested(() => UpdateTaskBody, { description: 'As the body of `PATCH /tasks/{id}`.' })
  task!: UpdateTaskBody;
}

export class AssignTaskOperation {
  @Fixed('assign')
  op!: 'assign';

  @IdOf('tsk')
  id!: string;

  @IdOf('usr', { nullable: true, description: 'Null takes the task out of every queue.' })
  assignee_id!: string | null;
}

export class CompleteTaskOperation {
  @Fixed('complete')
  op!: 'complete';

  @IdOf('tsk')
  id!: string;

  @Flag({ optional: true, description: 'Complete it although tasks that it depends on are still open.' })
  force?: boolean;
}

export class ReopenTaskOperation {
  @Fixed('reopen')
  op!: 'reopen';

  @IdOf('tsk')
  id!: string;
}

export class CancelTaskOperation {
  @Fixed('cancel')
  op!: 'cancel';

  @IdOf('tsk')
  id!: string;
}

export type TaskOperation =
  CreateTaskOperation | UpdateTaskOperation | AssignTaskOperation | CompleteTaskOperation | ReopenTaskOperation | CancelTaskOperation;

const OPERATIONS = {
  create: CreateTaskOperation,
  update: UpdateTaskOperation,
  assign: AssignTaskOperation,
  complete: CompleteTaskOperation,
  reopen: ReopenTaskOperation,
  cancel: CancelTaskOperation,
};

export const BATCH_MODES = ['atomic', 'best_effort'] as const;

/** Body of `POST /tasks/batch`. */
export class BatchTasksBody {
  @OneOf(BATCH_MODES, { description: '`atomic`: all or nothing. `best_effort`: each operation for itself.' })
  mode!: (typeof BATCH_MODES)[number];

  @ListOf(classBy('op', OPERATIONS), { min: 1, max: 100, description: 'One after the other: each sees what those before it did.' })
  operations!: TaskOperation[];
}

/** An operation that was done, or found that it was so already. */
export class TaskOperationDone {
  @WholeNumber({ min: 200, max: 201, description: 'What the request alone would have been answered: 201 for a new task.' })
  status!: number;

  @Nested(() => Task, { description: 'Right after this operation.' })
  task!: Task;
}

/** An operation that was refused, and changed nothing. */
export class TaskOperationRefused {
  @WholeNumber({ min: 400, max: 499 })
  status!: number;

  @Json({ description: 'The problem (RFC 9457) that the request alone would have been answered.' })
  problem!: Record<string, unknown>;
}

/** Answer of `POST /tasks/batch`: what became of each operation, in their order. */
export class TaskBatchOutcome {
  @Fixed('list')
  object!: 'list';

  @ListOf(oneOfClasses([TaskOperationDone, TaskOperationRefused]), { max: 100 })
  data!: (TaskOperationDone | TaskOperationRefused)[];
}
