import { Controller, Get, Query } from '@nestjs/common';
import { ExpandedProject, FindProjectQuery } from '@works/contracts/projects';
import type { Caller } from '@works/platform/caller';
import type { RecordedAnswer } from '@works/platform/event-store';
import { CurrentCaller, IdParam, invalid, Now, Operation, PassedOn, requireScope, RequireScope, resource } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import type { ProjectId } from '../domain/project';
import { MilestonesOfProject } from './milestones-of-project';
import { presentProjectRow, projectColumns, type ProjectRow } from './project-rows';
import { ProjectThen } from './project-then';
import { TasksOfProject } from './tasks-of-project';

@Controller()
export class FindProject {
  constructor(
    private readonly database: TenantDatabase,
    private readonly milestones: MilestonesOfProject,
    private readonly tasks: TasksOfProject,
    private readonly then: ProjectThen,
  ) {}

  @Get('/projects/:id')
  @RequireScope('projects:read')
  @Operation({
    summary: 'Get a project',
    description: 'As it is, or with `as_of` as it was; alone, or with its milestones and their tasks.',
    tag: 'Projects',
    query: FindProjectQuery,
    answers: { 200: ExpandedProject },
  })
  async find(
    @IdParam('id', 'prj') id: ProjectId,
    @Query() query: FindProjectQuery,
    @CurrentCaller() caller: Caller,
    @Now() now: Date,
    @PassedOn() headers: Record<string, string>,
  ): Promise<RecordedAnswer> {
    const expand = { milestones: query.expand !== undefined, tasks: query.expand?.includes('milestones.tasks') ?? false };
    if (expand.tasks) requireScope(caller, 'tasks:read');
    if (query.as_of === undefined) return this.present(caller, id, expand, now, headers);
    if (expand.tasks)
      throw invalid([{ pointer: '/as_of', code: 'not_allowed', detail: 'must not be given together with the expansion of tasks' }]);
    // What is yet to come is not known: a caller whose clock is ahead of ours means now.
    return this.past(caller, id, expand, new Date(Math.min(Date.parse(query.as_of), now.getTime())));
  }

  private async present(
    caller: Caller,
    id: ProjectId,
    expand: { milestones: boolean; tasks: boolean },
    now: Date,
    headers: Record<string, string>,
  ): Promise<RecordedAnswer> {
    const [row] = await this.database.query<ProjectRow>(caller, {
      name: 'projects_find',
      text: `select ${projectColumns('$2')} from projects p where p.id = $1`,
      values: [id, now],
    });
    if (row === undefined) throw noSuchProject();
    const project: ExpandedProject = presentProjectRow(row);
    if (expand.milestones) project.milestones = await this.milestones.of(caller, id);
    if (expand.tasks) {
      const tasks = await this.tasks.byMilestone(id, headers);
      for (const milestone of project.milestones!) milestone.tasks = tasks.get(milestone.id) ?? [];
    }
    return resource(project, row.version);
  }

  private async past(caller: Caller, id: ProjectId, expand: { milestones: boolean }, at: Date): Promise<RecordedAnswer> {
    const then = await this.then.of(caller, id, at);
    if (then === null) throw noSuchProject();
    return resource(expand.milestones ? { ...then.project, milestones: then.milestones } : then.project, then.project.version);
  }
}

const noSuchProject = () => new Problem('not_found', 'There is no such resource.');
