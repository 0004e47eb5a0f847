import { Injectable } from '@nestjs/common';
import type { Milestone } from '@works/contracts/milestones';
import type { Caller } from '@works/platform/caller';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import type { MilestoneId } from '../domain/milestone';
import type { ProjectId } from '../domain/project';
import { MILESTONE_COLUMNS, presentMilestoneRow, type MilestoneRow } from './milestone-rows';

export type PlacedMilestone = MilestoneRow & { readonly id: MilestoneId; readonly position: number };

export interface MilestonesInOrder {
  readonly projectStatus: 'active' | 'closed';
  readonly inOrder: readonly PlacedMilestone[];
}

@Injectable()
export class MilestonesOfProject {
  constructor(private readonly database: TenantDatabase) {}

  /** In the order of the phases. A project that is not the caller's is 404, in the same round trip. */
  async of(caller: Caller, id: ProjectId): Promise<Milestone[]> {
    const rows = await this.database.query<MilestoneRow | { state: null }>(caller, {
      name: 'projects_milestones',
      text: `select gate.* from projects p
               left join lateral (select ${MILESTONE_COLUMNS}, m.position from milestones m where m.project_id = p.id) gate on true
              where p.id = $1 order by gate.position`,
      values: [id],
    });
    if (rows.length === 0) throw new Problem('not_found', 'There is no such resource.');
    return rows.filter((row): row is MilestoneRow => row.state !== null).map(presentMilestoneRow);
  }

  /** All milestones of the project in order, as the rules see them, and whether it is active; of one moment. */
  async inOrder(caller: Caller, { projectId }: { projectId: ProjectId }): Promise<MilestonesInOrder> {
    const rows = await this.database.query<{ project_status: 'active' | 'closed' } & (MilestoneRow | { state: null })>(caller, {
      name: 'milestones_in_order',
      text: `select p.status as project_status, gate.* from projects p
               left join lateral (select ${MILESTONE_COLUMNS}, m.position from milestones m where m.project_id = p.id) gate on true
              where p.id = $1 order by gate.position`,
      values: [projectId],
    });
    const inOrder = rows
      .filter((row): row is (typeof rows)[number] & MilestoneRow => row.state !== null)
      .map((row) => ({ id: row.state.id, position: row.state.position, ...row }));
    return { projectStatus: rows[0]!.project_status, inOrder };
  }
}
