import { Body, Controller, Post } from '@nestjs/common';
import { CreateTaskBody, Task } from '@works/contracts/tasks';
import { Positions, WithoutCatchingUp, type PositionsByService } from '@works/platform/caught-up';
import { EventStore, fresh, record, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, invalid, Operation, RequireScope } from '@works/platform/http';
import { tasks, type Decided } from '../aggregate';
import type { TaskId } from '../domain/task';
import { contradictionsIn } from '../new-task';
import { presentTask } from '../read-models/present-task';
import { TasksAround } from '../surroundings';
import { created } from '../task-decisions';

@Controller()
export class CreateTask {
  constructor(
    private readonly store: EventStore,
    private readonly around: TasksAround,
  ) {}

  /**
   * The busiest write of the product: one round trip, and one more only when the task points at something.
   * Should its project close in between, then the trigger tasks_in_open_project has this decided again.
   */
  @Post('/tasks')
  @RequireScope('tasks:write')
  @WithoutCatchingUp()
  @Operation({
    summary: 'Create a task',
    description: 'In a project, in one of its milestones, or alone. With an assignee it lands in their queue at once.',
    tag: 'Tasks',
    body: CreateTaskBody,
    example: { title: 'Order the carpets', assignee_id: 'usr_01J9XW5T9ZQ0V7C2N4R8B6M3KE', due_on: '2027-01-15', priority: 'high' },
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
    const around = this.around.seenBy(request.caller, positions);
    return this.store.create(request, async () => decision(await created(body, request, around)));
  }
}

function decision({ id, events, seen }: Decided & { readonly id: TaskId }): Decision {
  const change = record(tasks, fresh(id), events);
  const body = presentTask(change.after, events.length, seen);
  return { changes: [change], answer: { status: 201, body, version: events.length, location: `/tasks/${id}` } };
}
