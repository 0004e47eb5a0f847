import { Controller, Get, Query } from '@nestjs/common';
import { PageQuery } from '@works/contracts/lists';
import { TemplateSummary } from '@works/contracts/templates';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, listOf, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { TenantDatabase } from '@works/platform/tenancy';
import { BUILT_IN, builtIn } from '../templates/built-in';
import { countsOf, presentSummary } from './present-template';
import { templateOf, VERSION_COLUMNS, type VersionRow } from './template-rows';

@Controller()
export class ListTemplates {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/templates')
  @RequireScope('templates:read')
  @Operation({
    summary: 'List templates',
    description: 'By key. Each in its newest version and without its milestones, which `GET /templates/{key}` has.',
    tag: 'Templates',
    query: PageQuery,
    answers: { 200: listOf(TemplateSummary) },
  })
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery) {
    const page = this.pages.read(query, { name: 'templates', tenant: caller, filter: {} });
    const after = page.after === null ? '' : String(page.after[0]);
    const own = await this.newestAfter(caller, after, page.limit + 1);
    return this.pages.answer(
      page,
      merged(own, builtInAfter(after)).slice(0, page.limit + 1),
      ({ key }) => [key],
      (row) => row,
    );
  }

  private async newestAfter(caller: Caller, key: string, count: number): Promise<TemplateSummary[]> {
    const rows = await this.database.query<VersionRow & { milestone_count: number; task_count: number }>(caller, {
      name: 'templates_newest',
      text: `select distinct on (t.key) ${VERSION_COLUMNS}, t.milestone_count, t.task_count
               from template_versions t where t.key > $1 order by t.key, t.version desc limit $2`,
      values: [key, count],
    });
    return rows.map((row) => presentSummary(templateOf(row), { milestones: row.milestone_count, tasks: row.task_count }));
  }
}

const builtInAfter = (after: string): TemplateSummary[] =>
  [...new Set(BUILT_IN.map(({ key }) => key))]
    .filter((key) => key > after)
    .map((key) => builtIn(key, null)!)
    .map((template) => presentSummary(template, countsOf(template)));

/** In the order of keys; the organization's own hide what came with the product. */
const merged = (own: readonly TemplateSummary[], beneath: readonly TemplateSummary[]): TemplateSummary[] =>
  [...new Map([...beneath, ...own].map((row) => [row.key, row])).values()].sort((a, b) => (a.key < b.key ? -1 : 1));
