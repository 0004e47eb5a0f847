import { Body, Controller, Post } from '@nestjs/common';
import { CreateTaskBody, Task, type NewChecklistItem } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { Positions, WithoutCatchingUp, type PositionsByService } from '@works/platform/caught-up';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, fresh, record, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, invalid, Operation, RequireScope, type FieldError } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { tasks } from '../aggregate';
import { createTask, type Plan, type TaskId, type UserId } from '../domain/task';
import { overdueAt } from '../due';
import { presentTask } from '../read-models/present-task';
import { References, type Known } from '../read-models/references';

@Controller()
export class CreateTask {
  constructor(
    private readonly store: EventStore,
    private readonly references: References,
  ) {}

  /** The busiest write of the product: one round trip, and one more only when the task points at something. */
  @Post('/tasks')
  @RequireScope('tasks:write')
  @WithoutCatchingUp()
  @Operation({
    summary: 'Create a task',
    description: 'In a project, in one of its milestones, or alone. With an assignee it lands in their queue at once.',
    tag: 'Tasks',
    body: CreateTaskBody,
    answers: { 201: Task },
    refuses: ['unknown_reference', 'project_closed'],
  })
  create(
    @Body() body: CreateTaskBody,
    @Command() request: CommandRequest,
    @Positions() positions: PositionsByService,
  ): Promise<RecordedAnswer> {
    refuseContradictions(body);
    return this.store.create(request, async () => decide(body, request, await this.known(body, request.caller, positions)));
  }

  private async known(body: CreateTaskBody, caller: Caller, positions: PositionsByService): Promise<Known> {
    const { unknown, ...known } = await this.references.find(
      caller,
      { projectId: body.project_id ?? null, milestoneId: body.milestone_id ?? null, dependencies: (body.depends_on ?? []) as TaskId[] },
      positions,
    );
    if (unknown.length > 0) throw new RuleViolation('unknown_reference', 'The task points at what does not exist.', { errors: unknown });
    if (known.project?.status === 'closed') throw new RuleViolation('project_closed', 'The project is closed; it takes no new tasks.');
    return known;
  }
}

/** What no single field can be blamed for, so the body's schema cannot say it. */
function refuseContradictions({ due_on, due_at, project_id, milestone_id, checklist = [], depends_on = [] }: CreateTaskBody): void {
  const errors: FieldError[] = [];
  if (due_on != null && due_at != null)
    errors.push({ pointer: '/due_at', code: 'not_allowed', detail: 'must not be given together with due_on' });
  if (milestone_id != null && project_id == null)
    errors.push({ pointer: '/project_id', code: 'required', detail: 'is required with milestone_id' });
  errors.push(...repeated(checklist.map(keyOf), (index) => `/checklist/${index}/key`));
  errors.push(...repeated(depends_on, (index) => `/depends_on/${index}`));
  if (errors.length > 0) throw invalid(errors);
}

const repeated = (values: readonly string[], pointerTo: (index: number) => string): FieldError[] =>
  values.flatMap((value, index) =>
    values.indexOf(value) < index ? [{ pointer: pointerTo(index), code: 'duplicate', detail: 'is there already' }] : [],
  );

function decide(body: CreateTaskBody, { caller, now }: CommandRequest, { project, dependencies }: Known): Decision {
  const plan = planOf(body, project?.time_zone ?? caller.timeZone);
  const blocked = Object.values(dependencies).includes('open');
  const events = createTask(plan, (body.assignee_id ?? null) as UserId | null, { at: now.toISOString(), blocked });
  const change = record(tasks, fresh(plan.id), events);
  const answer = {
    status: 201,
    body: presentTask(change.after, events.length, { now, blocked }),
    version: events.length,
    location: `/tasks/${plan.id}`,
  };
  return { changes: [change], answer };
}

function planOf(body: CreateTaskBody, timeZone: string): Plan {
  const due = {
    due_on: body.due_on ?? null,
    due_at: body.due_at == null ? null : new Date(body.due_at).toISOString(),
    time_zone: body.time_zone ?? timeZone,
  };
  return {
    id: newId('tsk'),
    project_id: (body.project_id ?? null) as Plan['project_id'],
    milestone_id: (body.milestone_id ?? null) as Plan['milestone_id'],
    key: null,
    title: body.title,
    description: body.description ?? null,
    priority: body.priority ?? 'normal',
    ...due,
    overdue_at: overdueAt(due),
    checklist: (body.checklist ?? []).map((item, index) => ({ key: keyOf(item, index), title: item.title, done: item.done ?? false })),
    depends_on: (body.depends_on ?? []) as TaskId[],
    metadata: body.metadata ?? {},
  };
}

const keyOf = ({ key }: NewChecklistItem, index: number): string => key ?? `item_${index + 1}`;
