import { Controller, Get } from '@nestjs/common';
import { Milestone as MilestoneResource } from '@works/contracts/milestones';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { presentMilestone } from './present';
import { MILESTONE_COLUMNS, MILESTONE_JOIN, type MilestoneRow } from './standing';

@Controller()
export class Milestones {
  constructor(private readonly database: TenantDatabase) {}

  @Get('/projects/:id/milestones')
  @RequireScope('projects:read')
  @Operation({
    summary: "Get a project's milestones",
    description: 'The whole status in one call: how far each is, and what still blocks it. In the order of the phases, all of them.',
    tag: 'Milestones',
    answers: { 200: listOf(MilestoneResource) },
  })
  async listMilestonesOfProject(@CurrentCaller() caller: Caller, @IdParam('id', 'prj') id: string) {
    const data = await listMilestones(this.database, caller, id);
    if (data.length === 0) await this.refuseUnknown(caller, id);
    return { object: 'list', data, has_more: false, next_cursor: null };
  }

  private async refuseUnknown(caller: Caller, id: string): Promise<void> {
    const known = await this.database.query(caller, 'select from projects where id = $1', [id]);
    if (known.length === 0) throw new Problem('not_found', 'There is no such resource.');
  }
}

export async function listMilestones(database: TenantDatabase, caller: Caller, projectId: string): Promise<MilestoneResource[]> {
  const rows = await database.query<MilestoneRow>(
    caller,
    `select ${MILESTONE_COLUMNS} from milestones m ${MILESTONE_JOIN}
      where m.organization_id = $1 and m.livemode = $2 and m.project_id = $3 order by m.position`,
    [caller.organizationId, caller.livemode, projectId],
  );
  return rows.map((row) => presentMilestone(row.state, row.version, row, row.open_tasks));
}
