import { Body, Controller, Post } from '@nestjs/common';
import { ReopenTaskBody, Task } from '@works/contracts/tasks';
import { Positions, type PositionsByService } from '@works/platform/caught-up';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { decision, tasks } from '../aggregate';
import type { TaskId } from '../domain/task';
import { TasksAround } from '../surroundings';
import { reopened } from '../task-decisions';

@Controller()
export class ReopenTask {
  constructor(
    private readonly store: EventStore,
    private readonly around: TasksAround,
  ) {}

  /** Should the project close in between, then the trigger tasks_reopened_in_open_project has this decided again. */
  @Post('/tasks/:id/reopen')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Reopen a task',
    description:
      'Takes back that the task was completed or cancelled; it is in the queue again of whoever had it. A milestone that was reached stays reached. Reopening an open task changes nothing.',
    tag: 'Tasks',
    body: ReopenTaskBody,
    answers: { 200: Task },
    refuses: ['project_closed'],
  })
  reopen(
    @IdParam('id', 'tsk') id: TaskId,
    @Body() _body: ReopenTaskBody,
    @Command() request: CommandRequest,
    @Positions() positions: PositionsByService,
  ): Promise<RecordedAnswer> {
    const around = this.around.seenBy(request.caller, positions);
    return this.store.change(request, tasks, id, async (task, loaded) => decision(loaded, await reopened(task, request, around)));
  }
}
