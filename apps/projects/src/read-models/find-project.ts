import { Controller, Get, Query } from '@nestjs/common';
import { ExpandedProject, FindProjectQuery } from '@works/contracts/projects';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, Now, Operation, RequireScope, resource } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import type { ProjectId } from '../domain/project';
import { MilestonesOfProject } from './milestones-of-project';
import { presentProjectRow, projectColumns, type ProjectRow } from './project-rows';

@Controller()
export class FindProject {
  constructor(
    private readonly database: TenantDatabase,
    private readonly milestones: MilestonesOfProject,
  ) {}

  @Get('/projects/:id')
  @RequireScope('projects:read')
  @Operation({ summary: 'Get a project', tag: 'Projects', query: FindProjectQuery, answers: { 200: ExpandedProject } })
  async find(@IdParam('id', 'prj') id: ProjectId, @Query() query: FindProjectQuery, @CurrentCaller() caller: Caller, @Now() now: Date) {
    const [row] = await this.database.query<ProjectRow>(caller, {
      name: 'projects_find',
      text: `select ${projectColumns('$2')} from projects p where p.id = $1`,
      values: [id, now],
    });
    if (row === undefined) throw new Problem('not_found', 'There is no such resource.');
    const project: ExpandedProject = presentProjectRow(row);
    if (query.expand === 'milestones') project.milestones = await this.milestones.of(caller, id);
    return resource(project, row.version);
  }
}
