import { Body, Controller, Post } from '@nestjs/common';
import { CompleteTaskBody, Task } from '@works/contracts/tasks';
import { Positions, type PositionsByService } from '@works/platform/caught-up';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { decision, tasks } from '../aggregate';
import type { TaskId } from '../domain/task';
import { TasksAround } from '../surroundings';
import { completed } from '../task-decisions';

@Controller()
export class CompleteTask {
  constructor(
    private readonly store: EventStore,
    private readonly around: TasksAround,
  ) {}

  @Post('/tasks/:id/complete')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Complete a task',
    description:
      'Takes the task out of its queue. Refused while a task that it depends on is open, unless `force` says otherwise. Completing a completed task changes nothing.',
    tag: 'Tasks',
    body: CompleteTaskBody,
    example: {},
    answers: { 200: Task },
    refuses: ['task_blocked', 'task_cancelled'],
  })
  complete(
    @IdParam('id', 'tsk') id: TaskId,
    @Body() body: CompleteTaskBody,
    @Command() request: CommandRequest,
    @Positions() positions: PositionsByService,
  ): Promise<RecordedAnswer> {
    const around = this.around.seenBy(request.caller, positions);
    return this.store.change(request, tasks, id, async (task, loaded) => decision(loaded, await completed(task, body, request, around)));
  }
}
