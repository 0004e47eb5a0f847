import { Controller, Get, Query } from '@nestjs/common';
import { ListTasksQuery, Task } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, listOf, Now, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { TenantDatabase } from '@works/platform/tenancy';
import { BLOCKED, presentRow, TASK_COLUMNS, type TaskRow } from './task-rows';

type Filter = Omit<ListTasksQuery, 'limit' | 'cursor'>;

@Controller()
export class ListTasks {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/tasks')
  @RequireScope('tasks:read')
  @Operation({
    summary: 'List tasks',
    description: 'Newest first. Filters together narrow.',
    tag: 'Tasks',
    query: ListTasksQuery,
    answers: { 200: listOf(Task) },
  })
  async list(@CurrentCaller() caller: Caller, @Query() query: ListTasksQuery, @Now() now: Date) {
    const { limit: _limit, cursor: _cursor, ...filter } = query;
    const page = this.pages.read(query, { name: 'tasks', tenant: caller, filter });
    const rows = await this.database.query<TaskRow>(caller, newestFirst(filter, now, page.after, page.limit + 1));
    return this.pages.answer(
      page,
      rows,
      (row) => [row.state.id],
      (row) => presentRow(row, now),
    );
  }
}

/** Only the conditions that are asked for, so that the planner can pick the one index in which they are a range in order. */
export function newestFirst(
  filter: Filter,
  now: Date,
  after: readonly unknown[] | null,
  count: number,
): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const value = (given: unknown) => `$${values.push(given)}`;
  const conditions: string[] = [];
  const where = <Asked>(asked: Asked | undefined, condition: (asked: Asked) => string) => {
    if (asked !== undefined) conditions.push(condition(asked));
  };
  where(filter.project_id, (id) => `t.project_id = ${value(id)}`);
  where(filter.milestone_id, (id) => `t.milestone_id = ${value(id)}`);
  where(filter.assignee_id, (id) => `t.assignee_id = ${value(id)}`);
  where(filter.status, (status) => `t.status = ${value(status)}`);
  where(filter.due_from, (day) => `t.due_day >= ${value(day)}`);
  where(filter.due_until, (day) => `t.due_day <= ${value(day)}`);
  where(filter.overdue, (so) =>
    onlyIf(so, `t.status = 'open' and t.overdue_at is not null and t.overdue_at <= ${value(now.toISOString())}`),
  );
  // Said as the index tasks_waiting says it: an open task that depends on something.
  where(filter.blocked, (so) => onlyIf(so, `t.status = 'open' and t.state->'depends_on' <> '[]' and ${BLOCKED}`));
  // The collation knows the cases of all letters; the database's own may know those of ASCII only.
  where(filter.title, (text) => `t.state->>'title' collate "und-x-icu" ilike ${value(`%${text.replace(/[\\%_]/g, '\\$&')}%`)}`);
  const pairs = Object.entries(filter.metadata ?? {});
  // A project, a milestone and a person have so many tasks; of a pair there may be any number, and it must be walked in order.
  const narrowed = filter.project_id !== undefined || filter.milestone_id !== undefined || filter.assignee_id !== undefined;
  const leading = narrowed ? undefined : pairs.shift();
  where(leading, ([key, text]) => `m.key = ${value(key)} and m.value = ${value(text)}`);
  // Looked up task by task, by the primary key: as a join the planner would rather gather every task with the pair first.
  for (const [key, text] of pairs)
    conditions.push(`(select o.value from task_metadata o where o.task_id = t.id and o.key = ${value(key)}) = ${value(text)}`);
  const id = leading === undefined ? 't.id' : 'm.task_id';
  // An id never changes, so the walk goes on from the same place whatever happened to the row it stopped at.
  if (after !== null) conditions.push(`${id} collate "C" < ${value(after[0])}`);
  return {
    text: `select ${TASK_COLUMNS} from ${leading === undefined ? 'tasks t' : WITH_PAIR}
           ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''} order by ${id} collate "C" desc limit ${value(count)}`,
    values,
  };
}

/** The pairs in the order of their index, each with its task; `offset 0` keeps the planner from turning that round. */
const WITH_PAIR = `task_metadata m cross join lateral (select * from tasks where id = m.task_id offset 0) t`;

const onlyIf = (so: boolean, condition: string): string => (so ? `(${condition})` : `not (${condition})`);
