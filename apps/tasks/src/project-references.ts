import type { ProjectClosedData, ProjectCreatedData } from '@works/contracts/projects';
import type { TenantTransaction } from '@works/platform/tenancy';

/**
 * Keeps what new tasks may refer to. Returns since when the project's tasks are cancelled, or null:
 * order across topics is not promised, so its closing may have been heard of first, and then stands.
 */
export async function rememberProject(tx: TenantTransaction, project: ProjectCreatedData['project']): Promise<Date | null> {
  const { rows } = await tx.query<{ cancelled_at: Date | null }>({
    name: 'tasks_remember_project',
    text: `insert into project_references (project_id, organization_id, livemode, status, time_zone, version, milestone_ids)
             values ($1, $2, $3, 'active', $4, $5, $6)
           on conflict (project_id) do update set milestone_ids = excluded.milestone_ids
           returning cancelled_at`,
    values: [...ownerAnd(tx, project), project.time_zone, project.version, project.milestones.map(({ id }) => id)],
  });
  return rows[0]!.cancelled_at;
}

/**
 * From now on the project takes no new tasks. False when newer news of the project has already been heard.
 * Holds the row until the end of the transaction, so that a scaffold of the same project runs wholly before or wholly after.
 */
export async function closeProject(
  tx: TenantTransaction,
  project: ProjectClosedData['project'],
  cancelledAt: Date | null,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'tasks_close_project',
    text: `insert into project_references as known (project_id, organization_id, livemode, status, time_zone, version, cancelled_at)
             values ($1, $2, $3, 'closed', $4, $5, $6)
           on conflict (project_id) do update
             set status = 'closed', version = excluded.version, cancelled_at = excluded.cancelled_at
             where known.version < excluded.version`,
    values: [...ownerAnd(tx, project), project.time_zone, project.version, cancelledAt],
  });
  return rowCount === 1;
}

const ownerAnd = ({ tenant }: TenantTransaction, { id }: { id: string }) => [id, tenant.organizationId, tenant.livemode];
