import { Body, Controller, Post } from '@nestjs/common';
import { CreateTaskBody, Task } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { Positions, WithoutCatchingUp, type PositionsByService } from '@works/platform/caught-up';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, fresh, record, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, invalid, Operation, RequireScope } from '@works/platform/http';
import { tasks } from '../aggregate';
import { createTask, type TaskId, type UserId } from '../domain/task';
import { contradictionsIn, planOf } from '../new-task';
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
    const contradictions = contradictionsIn(body);
    if (contradictions.length > 0) throw invalid(contradictions);
    return this.store.create(request, async () => decide(body, request, await this.known(body, request.caller, positions)), {
      // The project was closed after it was looked up: the database has the last word.
      refusal: (constraint) => (constraint === 'tasks_in_open_project' ? projectClosed() : null),
    });
  }

  private async known(body: CreateTaskBody, caller: Caller, positions: PositionsByService): Promise<Known> {
    const { unknown, ...known } = await this.references.find(
      caller,
      { projectId: body.project_id ?? null, milestoneId: body.milestone_id ?? null, dependencies: (body.depends_on ?? []) as TaskId[] },
      positions,
    );
    if (unknown.length > 0) throw new RuleViolation('unknown_reference', 'The task points at what does not exist.', { errors: unknown });
    if (known.project?.status === 'closed') throw projectClosed();
    return known;
  }
}

const projectClosed = () => new RuleViolation('project_closed', 'The project is closed; it takes no new tasks.');

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
