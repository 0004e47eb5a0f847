import { Controller, Get, Query } from '@nestjs/common';
import { GetProjectQuery, ListProjectsQuery, Project as ProjectResource } from '@works/contracts/projects';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope, resource } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { listMilestones } from './milestones';
import { presentProject } from './present';
import { PROGRESS_COLUMNS, PROGRESS_JOIN, type ProjectRow } from './standing';

@Controller()
export class Projects {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/projects')
  @RequireScope('projects:read')
  @Operation({ summary: 'List projects', description: 'Newest first.', tag: 'Projects', query: ListProjectsQuery, answers: { 200: listOf(ProjectResource) } })
  async listProjects(@CurrentCaller() caller: Caller, @Query() query: ListProjectsQuery) {
    const { status = null, owner_id: owner = null, deal_id: deal = null, reference = null } = query;
    const page = this.pages.read(query, { name: 'projects', tenant: caller, filter: { status, owner, deal, reference } });
    const rows = await this.database.query<ProjectRow>(
      caller,
      `select p.id, p.version, p.state, ${PROGRESS_COLUMNS}
         from (select * from projects
                where organization_id = $1 and livemode = $2
                  and ($3::text is null or status = $3) and ($4::text is null or owner_id = $4)
                  and ($5::text is null or deal_id = $5) and ($6::text is null or reference = $6)
                  and ($7::text is null or id < $7)
                order by id desc limit $8) p ${PROGRESS_JOIN}
        order by p.id desc`,
      [caller.organizationId, caller.livemode, status, owner, deal, reference, page.after?.[0] ?? null, page.limit + 1],
    );
    return this.pages.answer(page, rows, (row) => [row.id], present);
  }

  @Get('/projects/:id')
  @RequireScope('projects:read')
  @Operation({ summary: 'Get a project', tag: 'Projects', query: GetProjectQuery, answers: { 200: ProjectResource } })
  async getProject(@CurrentCaller() caller: Caller, @IdParam('id', 'prj') id: string, @Query() query: GetProjectQuery) {
    const [row] = await this.database.query<ProjectRow>(
      caller,
      `select p.id, p.version, p.state, ${PROGRESS_COLUMNS} from projects p ${PROGRESS_JOIN} where p.id = $1`,
      [id],
    );
    if (row === undefined) throw new Problem('not_found', 'There is no such resource.');
    const expanded = query.expand === 'milestones' ? { milestones: await listMilestones(this.database, caller, id) } : {};
    return resource({ ...present(row), ...expanded }, row.version);
  }
}

const present = (row: ProjectRow) => presentProject(row.state, row.version, row);
