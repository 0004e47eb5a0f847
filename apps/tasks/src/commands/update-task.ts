import { Body, Controller, Patch } from '@nestjs/common';
import { Task, UpdateTaskBody } from '@works/contracts/tasks';
import { Positions, type PositionsByService } from '@works/platform/caught-up';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, invalid, Operation, RequireScope } from '@works/platform/http';
import { decision, tasks } from '../aggregate';
import { contradictionsInChanges } from '../changed-task';
import type { TaskId } from '../domain/task';
import { TasksAround } from '../surroundings';
import { updated } from '../task-decisions';

@Controller()
export class UpdateTask {
  constructor(
    private readonly store: EventStore,
    private readonly around: TasksAround,
  ) {}

  @Patch('/tasks/:id')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Change a task',
    description:
      'What is absent stays as it is. Lists are replaced as a whole, metadata is merged. Only an open task can be changed. When everything is so already, nothing changes.',
    tag: 'Tasks',
    body: UpdateTaskBody,
    example: { priority: 'urgent', due_on: '2027-01-13' },
    answers: { 200: Task },
    refuses: ['task_completed', 'task_cancelled', 'unknown_reference', 'dependency_cycle'],
  })
  update(
    @IdParam('id', 'tsk') id: TaskId,
    @Body() body: UpdateTaskBody,
    @Command() request: CommandRequest,
    @Positions() positions: PositionsByService,
  ): Promise<RecordedAnswer> {
    const contradictions = contradictionsInChanges(body);
    if (contradictions.length > 0) throw invalid(contradictions);
    const around = this.around.seenBy(request.caller, positions);
    return this.store.change(request, tasks, id, async (task, loaded) => decision(loaded, await updated(task, body, request, around)));
  }
}
