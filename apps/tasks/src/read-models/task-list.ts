import { Controller, Get, Query } from '@nestjs/common';
import { ListTasksQuery, Task } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, listOf, Now, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { TenantDatabase } from '@works/platform/tenancy';
import { presentRow, TASK_COLUMNS, type TaskRow } from './task-rows';

@Controller()
export class ListTasks {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/tasks')
  @RequireScope('tasks:read')
  @Operation({ summary: 'List tasks', description: 'Newest first.', tag: 'Tasks', query: ListTasksQuery, answers: { 200: listOf(Task) } })
  async list(@CurrentCaller() caller: Caller, @Query() query: ListTasksQuery, @Now() now: Date) {
    const { limit: _limit, cursor: _cursor, ...filter } = query;
    const page = this.pages.read(query, { name: 'tasks', tenant: caller, filter });
    const { text, values } = newestFirst(filter, page.after, page.limit + 1);
    const rows = await this.database.query<TaskRow>(caller, { text, values });
    return this.pages.answer(
      page,
      rows,
      (row) => [row.state.id],
      (row) => presentRow(row, now),
    );
  }
}

/** Only the conditions that are asked for, so that the planner can pick the one index in which they are a range in order. */
function newestFirst(
  filter: Omit<ListTasksQuery, 'limit' | 'cursor'>,
  after: readonly unknown[] | null,
  count: number,
): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const where = (condition: string, value: unknown) => conditions.push(`${condition} $${values.push(value)}`);
  if (filter.project_id !== undefined) where('t.project_id =', filter.project_id);
  if (filter.milestone_id !== undefined) where('t.milestone_id =', filter.milestone_id);
  if (filter.assignee_id !== undefined) where('t.assignee_id =', filter.assignee_id);
  if (filter.status !== undefined) where('t.status =', filter.status);
  // An id never changes, so the walk goes on from the same place whatever happened to the row it stopped at.
  if (after !== null) where('t.id collate "C" <', after[0]);
  values.push(count);
  return {
    text: `select ${TASK_COLUMNS} from tasks t ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''} order by t.id collate "C" desc limit $${values.length}`,
    values,
  };
}
