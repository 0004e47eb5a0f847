import { Body, Controller, Post } from '@nestjs/common';
import { AssignTaskBody, Task } from '@works/contracts/tasks';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { decision, tasks } from '../aggregate';
import { assignTask, type TaskId, type UserId } from '../domain/task';
import { OpenDependencies } from '../read-models/open-dependencies';

@Controller()
export class AssignTask {
  constructor(
    private readonly store: EventStore,
    private readonly openDependencies: OpenDependencies,
  ) {}

  @Post('/tasks/:id/assign')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Assign a task',
    description:
      "Puts the task in a person's queue, or, with null, takes it out of every queue. Assigning it to whoever has it already changes nothing.",
    tag: 'Tasks',
    body: AssignTaskBody,
    answers: { 200: Task },
    refuses: ['task_completed', 'task_cancelled'],
  })
  assign(@IdParam('id', 'tsk') id: TaskId, @Body() body: AssignTaskBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const { caller, now } = request;
    return this.store.change(request, tasks, id, async (task, loaded) => {
      const blocked = (await this.openDependencies.of(caller, task)).length > 0;
      const events = assignTask(task, body.assignee_id as UserId | null, { at: now.toISOString(), blocked });
      return decision(loaded, events, { now, blocked });
    });
  }
}
