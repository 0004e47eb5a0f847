import type { Pool } from 'pg';
import type { Tenant } from '@works/platform/caller';
import type { TaskId } from '../domain/task';

/** Tasks told of in one transaction: small enough that nobody waits long for it, large enough that a thousand need ten. */
export const BATCH_MAX = 100;

export interface OverdueTask extends Tenant {
  readonly id: TaskId;
}

interface OverdueRow {
  id: TaskId;
  organization_id: string;
  livemode: boolean;
}

/** $1 the present instant. Ordered, and not only filtered, so that whatever the statistics say only the index tasks_untold can answer. */
export const OVERDUE_AND_UNTOLD = {
  name: 'tasks_overdue_and_untold',
  text: `select t.id, t.organization_id, t.livemode from tasks t
          where t.untold_overdue_at <= $1 order by t.untold_overdue_at limit ${BATCH_MAX}`,
};

/** $1 the present instant. The first instant after it at which there can be something to tell. */
export const NEXT_TO_TELL = {
  name: 'tasks_next_to_tell',
  text: `select t.untold_overdue_at as at from tasks t where t.untold_overdue_at > $1 order by t.untold_overdue_at limit 1`,
};

/** Open tasks of every tenant that are overdue without anybody having been told, those that have been so for longest first. */
export async function overdueAndUntold(workers: Pool, now: Date): Promise<OverdueTask[]> {
  const { rows } = await workers.query<OverdueRow>({ ...OVERDUE_AND_UNTOLD, values: [now] });
  return rows.map((row) => ({ id: row.id, organizationId: row.organization_id, livemode: row.livemode }));
}

export async function nextToTell(workers: Pool, now: Date): Promise<Date | null> {
  const { rows } = await workers.query<{ at: Date }>({ ...NEXT_TO_TELL, values: [now] });
  return rows[0]?.at ?? null;
}
