import type { Tenant } from '@works/platform/caller';
import { isId } from '@works/platform/ids';
import type { TenantDatabase } from '@works/platform/tenancy';

/** Undefined for what is no milestone that is known here. */
export async function projectOfMilestone(database: TenantDatabase, tenant: Tenant, id: string): Promise<string | undefined> {
  if (!isId('mst', id)) return undefined;
  const [milestone] = await database.query<{ project_id: string }>(tenant, {
    name: 'projects_project_of_milestone',
    text: 'select m.project_id from milestones m where m.id = $1',
    values: [id],
  });
  return milestone?.project_id;
}
