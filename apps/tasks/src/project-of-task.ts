import type { Tenant } from '@works/platform/caller';
import { isId } from '@works/platform/ids';
import type { TenantDatabase } from '@works/platform/tenancy';

/** Null for a task that stands alone; undefined for what is no task that is known here. */
export async function projectOfTask(database: TenantDatabase, tenant: Tenant, id: string): Promise<string | null | undefined> {
  if (!isId('tsk', id)) return undefined;
  const [task] = await database.query<{ project_id: string | null }>(tenant, {
    name: 'tasks_project_of_task',
    text: 'select t.project_id from tasks t where t.id = $1',
    values: [id],
  });
  return task?.project_id;
}
