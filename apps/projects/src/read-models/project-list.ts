import { Controller, Get, Query } from '@nestjs/common';
import { ListProjectsQuery, Project } from '@works/contracts/projects';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, listOf, Now, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { TenantDatabase } from '@works/platform/tenancy';
import { presentProjectRow, projectColumns, type ProjectRow } from './project-rows';

@Controller()
export class ListProjects {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/projects')
  @RequireScope('projects:read')
  @Operation({
    summary: 'List projects',
    description: 'Newest first. Filters together narrow.',
    tag: 'Projects',
    query: ListProjectsQuery,
    answers: { 200: listOf(Project) },
  })
  async list(@CurrentCaller() caller: Caller, @Query() query: ListProjectsQuery, @Now() now: Date) {
    const { limit: _limit, cursor: _cursor, ...filter } = query;
    const page = this.pages.read(query, { name: 'projects', tenant: caller, filter });
    const rows = await this.database.query<ProjectRow>(caller, newestFirst(filter, page.after, page.limit + 1, now));
    return this.pages.answer(page, rows, (row) => [row.state.id], presentProjectRow);
  }
}

type Filter = Omit<ListProjectsQuery, 'limit' | 'cursor'>;

/** Only the conditions that are asked for, so that the planner can pick the one index in which they are a range in order. */
export function newestFirst(
  filter: Filter,
  after: readonly unknown[] | null,
  count: number,
  now: Date,
): { text: string; values: unknown[] } {
  const values: unknown[] = [now];
  const conditions: string[] = [];
  const value = (given: unknown) => `$${values.push(given)}`;
  const where = (condition: string, given: unknown) => {
    if (given !== undefined) conditions.push(`${condition} ${value(given)}`);
  };
  where('p.status =', filter.status);
  where('p.owner_id =', filter.owner_id);
  where('p.deal_id =', filter.deal_id);
  where('p.contact_id =', filter.contact_id);
  where('p.reference =', filter.reference);
  where('p.due_on >=', filter.due_from);
  where('p.due_on <=', filter.due_until);
  const pairs = Object.entries(filter.metadata ?? {});
  // A pair is walked in order, for there may be any number of projects that have it; only a deal and a reference have few for certain.
  const leading = filter.deal_id !== undefined || filter.reference !== undefined ? undefined : pairs.shift();
  if (leading !== undefined) {
    where('m.key =', leading[0]);
    where('m.value =', leading[1]);
  }
  // Looked up project by project, by the primary key: as a join the planner would rather gather every project with the pair first.
  for (const [key, text] of pairs)
    conditions.push(`(select o.value from project_metadata o where o.project_id = p.id and o.key = ${value(key)}) = ${value(text)}`);
  const id = leading === undefined ? 'p.id' : 'm.project_id';
  // An id never changes, so the walk goes on from the same place whatever happened to the row it stopped at.
  where(`${id} collate "C" <`, after?.[0]);
  return {
    text: `select ${projectColumns('$1')} from ${leading === undefined ? 'projects p' : WITH_PAIR}
           ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''} order by ${id} collate "C" desc limit ${value(count)}`,
    values,
  };
}

/** The pairs in the order of their index, each with its project; `offset 0` keeps the planner from turning that round. */
const WITH_PAIR = `project_metadata m cross join lateral (select * from projects where id = m.project_id offset 0) p`;
