import type { Project, ProjectCreatedData } from '@works/contracts/projects';
import type { TenantTransaction } from '@works/platform/tenancy';

/**
 * Keeps what new tasks may refer to. Returns since when the project's planned tasks are cancelled, or null:
 * order across topics is not promised, so later news of the project may have been heard of first, and then stands.
 */
export async function rememberProject(tx: TenantTransaction, project: ProjectCreatedData['project']): Promise<Date | null> {
  await noteProject(tx, project);
  const { rows } = await tx.query<{ cancelled_at: Date | null }>({
    name: 'tasks_remember_milestones',
    text: `update project_references set milestone_ids = milestone_ids || (select coalesce(array_agg(m.id), '{}') from unnest($2::text[]) as m(id) where m.id <> all(milestone_ids))
            where project_id = $1 returning cancelled_at`,
    values: [project.id, project.milestones.map(({ id }) => id)],
  });
  return rows[0]!.cancelled_at;
}

/** A milestone that was added later, perhaps before the project itself has been heard of. */
export async function rememberMilestone(tx: TenantTransaction, milestone: { id: string; project_id: string }): Promise<void> {
  await tx.query({
    name: 'tasks_remember_milestone',
    text: `insert into project_references as known (project_id, organization_id, livemode, status, time_zone, version, milestone_ids)
             values ($1, $2, $3, 'active', 'UTC', 0, array[$4::text])
           on conflict (project_id) do update set milestone_ids = known.milestone_ids || excluded.milestone_ids
             where not known.milestone_ids @> excluded.milestone_ids`,
    values: [...ownerAnd(tx, { id: milestone.project_id }), milestone.id],
  });
}

/**
 * Whether the project takes new tasks, and in which zone. False when newer news of it has already been heard.
 * Holds the row until the end of the transaction, so that news of one project takes effect one after the other.
 */
export async function noteProject(
  tx: TenantTransaction,
  project: Pick<Project, 'id' | 'status' | 'time_zone' | 'version'>,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'tasks_note_project',
    text: `insert into project_references as known (project_id, organization_id, livemode, status, time_zone, version)
             values ($1, $2, $3, $4, $5, $6)
           on conflict (project_id) do update set status = excluded.status, time_zone = excluded.time_zone, version = excluded.version
             where known.version < excluded.version`,
    values: [...ownerAnd(tx, project), project.status, project.time_zone, project.version],
  });
  return rowCount === 1;
}

/** The newest closing that cancels counts: what is scaffolded only after it was heard of is cancelled by the scaffold. */
export async function noteCancellation(tx: TenantTransaction, projectId: string, cancelledAt: Date): Promise<void> {
  await tx.query({
    name: 'tasks_note_cancellation',
    text: 'update project_references set cancelled_at = greatest(cancelled_at, $2) where project_id = $1',
    values: [projectId, cancelledAt],
  });
}

const ownerAnd = ({ tenant }: TenantTransaction, { id }: { id: string }) => [id, tenant.organizationId, tenant.livemode];
