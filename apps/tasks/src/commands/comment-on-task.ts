import { Body, Controller, Post } from '@nestjs/common';
import { CommentOnTaskBody, TaskComment } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { Positions, type PositionsByService } from '@works/platform/caught-up';
import { EventStore, record, type CommandRequest, type RecordedAnswer, type Statement } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { tasks } from '../aggregate';
import { commentOnTask, type Comment, type TaskId } from '../domain/task';
import { presentComment } from '../read-models/present-comment';
import { TasksAround } from '../surroundings';

@Controller()
export class CommentOnTask {
  constructor(
    private readonly store: EventStore,
    private readonly around: TasksAround,
  ) {}

  @Post('/tasks/:id/comments')
  @RequireScope('tasks:write')
  @Operation({
    summary: 'Comment on a task',
    description: 'Whatever became of the task. The author is whoever the key stands for.',
    tag: 'Tasks',
    body: CommentOnTaskBody,
    example: { body: 'The carpets come on Monday.' },
    answers: { 201: TaskComment },
  })
  comment(
    @IdParam('id', 'tsk') id: TaskId,
    @Body() { body }: CommentOnTaskBody,
    @Command() request: CommandRequest,
    @Positions() positions: PositionsByService,
  ): Promise<RecordedAnswer> {
    const { caller, now } = request;
    const around = this.around.seenBy(caller, positions);
    return this.store.change(request, tasks, id, async (task, loaded) => {
      const comment: Comment = { id: newId('cmt'), body, author: caller.actor };
      const at = now.toISOString();
      const blocked = (await around.openDependencies(task)).length > 0;
      return {
        changes: [record(tasks, loaded, commentOnTask(comment, { at, blocked }))],
        statements: [keepComment(caller, id, comment, at)],
        answer: { status: 201, body: presentComment(comment, id, at), version: 1, location: `/tasks/${id}/comments` },
      };
    });
  }
}

const keepComment = ({ organizationId, livemode }: Caller, taskId: TaskId, { id, body, author }: Comment, at: string): Statement => ({
  text: `insert into task_comments (id, organization_id, livemode, task_id, author, body, created_at) values ($1, $2, $3, $4, $5, $6, $7)`,
  values: [id, organizationId, livemode, taskId, JSON.stringify(author), body, at],
});
