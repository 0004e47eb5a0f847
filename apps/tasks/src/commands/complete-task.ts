import { Body, Controller, Post } from '@nestjs/common';
import { CompleteTaskBody, Task } from '@works/contracts/tasks';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { decision, tasks } from '../aggregate';
import { completeTask, type TaskId } from '../domain/task';
import { OpenDependencies } from '../read-models/open-dependencies';

@Controller()
export class CompleteTask {
  constructor(
    private readonly store: EventStore,
    private readonly openDependencies: OpenDependencies,
  ) {}

  @Post('/tasks/:id/complete')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Complete a task',
    description:
      'Takes the task out of its queue. Refused while a task that it depends on is open, unless `force` says otherwise. Completing a completed task changes nothing.',
    tag: 'Tasks',
    body: CompleteTaskBody,
    answers: { 200: Task },
    refuses: ['task_blocked', 'task_cancelled'],
  })
  complete(@IdParam('id', 'tsk') id: TaskId, @Body() body: CompleteTaskBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const { caller, now } = request;
    return this.store.change(request, tasks, id, async (task, loaded) => {
      const events = completeTask(task, {
        at: now.toISOString(),
        by: caller.actor,
        force: body.force ?? false,
        openDependencies: await this.openDependencies.of(caller, task),
      });
      return decision(loaded, events, { now, blocked: false });
    });
  }
}
