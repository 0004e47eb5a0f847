import { Controller, Get } from '@nestjs/common';
import { Milestone } from '@works/contracts/milestones';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, Operation, RequireScope, resource } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import type { MilestoneId } from '../domain/milestone';
import { MILESTONE_COLUMNS, presentMilestoneRow, type MilestoneRow } from './milestone-rows';

@Controller()
export class FindMilestone {
  constructor(private readonly database: TenantDatabase) {}

  @Get('/milestones/:id')
  @RequireScope('projects:read')
  @Operation({ summary: 'Get a milestone', tag: 'Milestones', answers: { 200: Milestone } })
  async find(@IdParam('id', 'mst') id: MilestoneId, @CurrentCaller() caller: Caller) {
    const [row] = await this.database.query<MilestoneRow>(caller, {
      name: 'milestones_find',
      text: `select ${MILESTONE_COLUMNS} from milestones m where m.id = $1`,
      values: [id],
    });
    if (row === undefined) throw new Problem('not_found', 'There is no such resource.');
    return resource(presentMilestoneRow(row), row.version);
  }
}
