import { Body, Controller, Post } from '@nestjs/common';
import { PROBLEMS, type ProblemCode } from '@works/contracts/problems';
import { BatchTasksBody, TaskBatchOutcome, type TaskOperation } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { Positions, type PositionsByService } from '@works/platform/caught-up';
import { RuleViolation, unreachable } from '@works/platform/errors';
import { EventStore, type CommandRequest, type Decision, type Loaded, type RecordedAnswer } from '@works/platform/event-store';
import { Command, invalid, Operation, RequireScope, type FieldError } from '@works/platform/http';
import { Problem, problemDocument } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import type { Decided } from '../aggregate';
import { contradictionsInChanges } from '../changed-task';
import type { Task, TaskId } from '../domain/task';
import { TaskDrafts } from '../drafts';
import { contradictionsIn } from '../new-task';
import { presentTask } from '../read-models/present-task';
import { TasksAround, type Surroundings } from '../surroundings';
import { assigned, cancelled, completed, created, reopened, updated } from '../task-decisions';

type Outcome = TaskBatchOutcome['data'][number];

@Controller()
export class BatchTasks {
  constructor(
    private readonly store: EventStore,
    private readonly around: TasksAround,
    private readonly database: TenantDatabase,
  ) {}

  /**
   * Everything is decided in memory, one operation after the other on what those before it made of the tasks, and then commits with the
   * remembered answer in one transaction. Whatever crashes, either all of it happened and a retry gets the answer, or nothing did.
   * Should anything that was read have changed by then, all of it is decided again.
   */
  @Post('/tasks/batch')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Change up to 100 tasks at once',
    description:
      'One operation after the other, each on what those before it did; remembered as a whole under the one Idempotency-Key. `atomic` does all of them or, if one is refused, none, and answers `batch_failed` with pointers to every operation that is refused. `best_effort` does what can be done and answers each with what it would have been answered alone.',
    tag: 'Tasks',
    body: BatchTasksBody,
    example: {
      mode: 'atomic',
      operations: [
        { op: 'create', task: { title: 'Order the carpets' } },
        { op: 'create', task: { title: 'Order the lights' } },
      ],
    },
    answers: { 200: TaskBatchOutcome },
    refuses: ['batch_failed'],
  })
  batch(
    @Body() body: BatchTasksBody,
    @Command() request: CommandRequest,
    @Positions() positions: PositionsByService,
  ): Promise<RecordedAnswer> {
    const contradictions = body.operations.flatMap((operation, index) => contradictionsOf(operation).map(pointedAt(operation, index)));
    if (contradictions.length > 0) throw invalid(contradictions);
    return this.store.create(request, () => this.decide(body, request, positions));
  }

  private async decide({ mode, operations }: BatchTasksBody, request: CommandRequest, positions: PositionsByService): Promise<Decision> {
    const drafts = new TaskDrafts(await this.load(request.caller, operations));
    const around = this.around.seenBy(request.caller, positions, drafts.tasks);
    const data: Outcome[] = [];
    for (const operation of operations) data.push(await outcomeOf(operation, request, drafts, around));
    const refused = operations.flatMap((operation, index) => errorsOf(operation, index, data[index]!));
    if (mode === 'atomic' && refused.length > 0) throw batchFailed(data, refused);
    return { changes: drafts.changes(), answer: { status: 200, body: { object: 'list', data } satisfies TaskBatchOutcome } };
  }

  private load(caller: Caller, operations: readonly TaskOperation[]): Promise<(Loaded<Task> & { state: Task })[]> {
    return this.database.query(caller, {
      name: 'tasks_of_batch',
      text: 'select id, version, state from tasks where id = any($1::text[])',
      values: [operations.flatMap((operation) => (operation.op === 'create' ? [] : operation.id))],
    });
  }
}

/** What the operation alone would have been answered. What is no answer to it (an outage, a service too far behind) ends the whole batch. */
async function outcomeOf(operation: TaskOperation, request: CommandRequest, drafts: TaskDrafts, around: Surroundings): Promise<Outcome> {
  try {
    const isNew = operation.op === 'create';
    const { id, events, seen } = isNew ? await created(operation.task, request, around) : await changed(operation, request, drafts, around);
    const { state, version } = drafts.append(id, events);
    return { status: isNew ? 201 : 200, task: presentTask(state, version, seen) };
  } catch (error) {
    if (!(error instanceof RuleViolation || error instanceof Problem) || PROBLEMS[error.code as ProblemCode].status >= 500) throw error;
    const problem = problemDocument(PROBLEMS, error, request.requestId);
    return { status: problem.status, problem };
  }
}

type OperationOnTask = Exclude<TaskOperation, { op: 'create' }>;

async function changed(
  operation: OperationOnTask,
  request: CommandRequest,
  drafts: TaskDrafts,
  around: Surroundings,
): Promise<Decided & { id: TaskId }> {
  const task = drafts.tasks.get(operation.id as TaskId);
  if (task === undefined) throw new Problem('not_found', 'There is no such resource.');
  return { id: task.id, ...(await decided(operation, task, request, around)) };
}

function decided(operation: OperationOnTask, task: Task, request: CommandRequest, around: Surroundings): Decided | Promise<Decided> {
  switch (operation.op) {
    case 'update':
      return updated(task, operation.task, request, around);
    case 'assign':
      return assigned(task, operation, request, around);
    case 'complete':
      return completed(task, operation, request, around);
    case 'reopen':
      return reopened(task, request, around);
    case 'cancel':
      return cancelled(task, request);
    default:
      return unreachable(operation);
  }
}

function contradictionsOf(operation: TaskOperation): FieldError[] {
  if (operation.op === 'create') return contradictionsIn(operation.task);
  return operation.op === 'update' ? contradictionsInChanges(operation.task) : [];
}

/** Errors of a body are about the `task` of those operations that carry one. */
const pointedAt =
  (operation: TaskOperation, index: number) =>
  (error: FieldError): FieldError => ({
    ...error,
    pointer: `/operations/${index}${'task' in operation ? '/task' : ''}${error.pointer}`,
  });

/** Every field that is to blame, or else the operation. */
function errorsOf(operation: TaskOperation, index: number, outcome: Outcome): FieldError[] {
  if (!('problem' in outcome)) return [];
  const { code, detail, errors } = outcome.problem as { code: string; detail: string; errors?: FieldError[] };
  return errors?.map(pointedAt(operation, index)) ?? [{ pointer: `/operations/${index}`, code, detail }];
}

function batchFailed(data: readonly Outcome[], errors: readonly FieldError[]): RuleViolation {
  const refused = data.filter((outcome) => 'problem' in outcome).length;
  return new RuleViolation('batch_failed', `${refused} of ${data.length} operations would be refused; none was done.`, { errors });
}
