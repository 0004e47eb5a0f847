import { Controller, Get } from '@nestjs/common';
import { Milestone } from '@works/contracts/milestones';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope } from '@works/platform/http';
import type { ProjectId } from '../domain/project';
import { MilestonesOfProject } from './milestones-of-project';

@Controller()
export class MilestoneStatus {
  constructor(private readonly milestones: MilestonesOfProject) {}

  @Get('/projects/:id/milestones')
  @RequireScope('projects:read')
  @Operation({
    summary: "A project's milestone status",
    description: 'All milestones of the project in order, each with its progress, what still blocks it, and its invoice.',
    tag: 'Milestones',
    answers: { 200: listOf(Milestone) },
  })
  async list(@IdParam('id', 'prj') id: ProjectId, @CurrentCaller() caller: Caller) {
    return { object: 'list', data: await this.milestones.of(caller, id), has_more: false, next_cursor: null };
  }
}
