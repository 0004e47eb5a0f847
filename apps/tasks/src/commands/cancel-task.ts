import { Body, Controller, Post } from '@nestjs/common';
import { CancelTaskBody, Task } from '@works/contracts/tasks';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { decision, tasks } from '../aggregate';
import type { TaskId } from '../domain/task';
import { cancelled } from '../task-decisions';

@Controller()
export class CancelTask {
  constructor(private readonly store: EventStore) {}

  @Post('/tasks/:id/cancel')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Cancel a task',
    description:
      'Nobody will do it: it leaves its queue, and neither its milestone nor what depends on it waits for it any longer. Cancelling a cancelled task changes nothing.',
    tag: 'Tasks',
    body: CancelTaskBody,
    answers: { 200: Task },
    refuses: ['task_completed'],
  })
  cancel(@IdParam('id', 'tsk') id: TaskId, @Body() _body: CancelTaskBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.store.change(request, tasks, id, (task, loaded) => decision(loaded, cancelled(task, request)));
  }
}
