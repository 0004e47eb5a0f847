import { Controller, Get, Query } from '@nestjs/common';
import { PageQuery } from '@works/contracts/lists';
import { TaskComment } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import type { Comment, TaskId } from '../domain/task';
import { presentComment } from './present-comment';

interface CommentRow extends Comment {
  created_at: Date;
}

@Controller()
export class ListTaskComments {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/tasks/:id/comments')
  @RequireScope('tasks:read')
  @Operation({
    summary: 'List the comments on a task',
    description: 'Newest first.',
    tag: 'Tasks',
    query: PageQuery,
    answers: { 200: listOf(TaskComment) },
  })
  async list(@IdParam('id', 'tsk') taskId: TaskId, @CurrentCaller() caller: Caller, @Query() query: PageQuery) {
    const page = this.pages.read(query, { name: 'task_comments', tenant: caller, filter: { taskId } });
    const rows = await this.database.query<CommentRow | Record<keyof CommentRow, null>>(caller, {
      name: 'task_comments_newest_first',
      // One row without a comment says that the task is there and has none; no row, that there is no such task.
      text: `select c.id, c.author, c.body, c.created_at
               from tasks t
               left join lateral (select * from task_comments c
                                   where c.task_id = t.id and ($2::text is null or c.id collate "C" < $2)
                                   order by c.id collate "C" desc limit $3) c on true
              where t.id = $1
              order by c.id collate "C" desc`,
      values: [taskId, page.after?.[0] ?? null, page.limit + 1],
    });
    if (rows.length === 0) throw new Problem('not_found', 'There is no such resource.');
    const comments = rows.filter((row): row is CommentRow => row.id !== null);
    return this.pages.answer(
      page,
      comments,
      ({ id }) => [id],
      (comment) => presentComment(comment, taskId, comment.created_at.toISOString()),
    );
  }
}
