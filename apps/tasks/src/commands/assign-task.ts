import { Body, Controller, Post } from '@nestjs/common';
import { AssignTaskBody, Task } from '@works/contracts/tasks';
import { Positions, type PositionsByService } from '@works/platform/caught-up';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { decision, tasks } from '../aggregate';
import type { TaskId } from '../domain/task';
import { TasksAround } from '../surroundings';
import { assigned } from '../task-decisions';

@Controller()
export class AssignTask {
  constructor(
    private readonly store: EventStore,
    private readonly around: TasksAround,
  ) {}

  @Post('/tasks/:id/assign')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Assign a task',
    description:
      "Puts the task in a person's queue, or, with null, takes it out of every queue. Assigning it to whoever has it already changes nothing.",
    tag: 'Tasks',
    body: AssignTaskBody,
    example: { assignee_id: 'usr_01J9XW5T9ZQ0V7C2N4R8B6M3KE' },
    answers: { 200: Task },
    refuses: ['task_completed', 'task_cancelled'],
  })
  assign(
    @IdParam('id', 'tsk') id: TaskId,
    @Body() body: AssignTaskBody,
    @Command() request: CommandRequest,
    @Positions() positions: PositionsByService,
  ): Promise<RecordedAnswer> {
    const around = this.around.seenBy(request.caller, positions);
    return this.store.change(request, tasks, id, async (task, loaded) => decision(loaded, await assigned(task, body, request, around)));
  }
}
