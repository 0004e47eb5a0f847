import type { Pool } from 'pg';
import type { Tenant } from '@works/platform/caller';
import type { TaskId } from '../domain/task';

/** Tasks told of in one transaction: so few that nobody who writes meanwhile waits long for it, or for what follows from it elsewhere. */
export const BATCH_MAX = 10;

export interface OverdueTask extends Tenant {
  readonly id: TaskId;
  /** How far the test clock of its organization is ahead; zero in live mode. */
  readonly offsetMs: number;
}

interface OverdueRow {
  id: TaskId;
  organization_id: string;
  livemode: boolean;
  offset_ms: number;
}

const CLOCKS = `(select c.organization_id, c.offset_ms::float8 as offset_ms, $1::timestamptz + make_interval(secs => c.offset_ms::float8 / 1000) as now
                   from test_clocks c) as clock`;

/**
 * $1 the real time. First what is overdue by it, then in test mode what is so only by the clock of its organization, which is never behind.
 * Ordered, and not only filtered, so that whatever the statistics say only the indexes tasks_untold and tasks_untold_in_test can answer.
 */
export const OVERDUE_AND_UNTOLD = {
  name: 'tasks_overdue_and_untold',
  text: `(select t.id, t.organization_id, t.livemode,
                 case when t.livemode then 0 else coalesce((select c.offset_ms from test_clocks c where c.organization_id = t.organization_id), 0) end::float8 as offset_ms
            from tasks t where t.untold_overdue_at <= $1 order by t.untold_overdue_at limit ${BATCH_MAX})
         union all
         (select t.id, t.organization_id, t.livemode, clock.offset_ms
            from ${CLOCKS}
           cross join lateral (select t.id, t.organization_id, t.livemode from tasks t
                                where t.organization_id = clock.organization_id and not t.livemode
                                  and t.untold_overdue_at > $1 and t.untold_overdue_at <= clock.now
                                order by t.untold_overdue_at limit ${BATCH_MAX}) as t)
         limit ${BATCH_MAX}`,
};

/** $1 the real time. How long until there can be something to tell, by the real time or by a clock. */
export const NEXT_TO_TELL = {
  name: 'tasks_next_to_tell',
  text: `select extract(epoch from least(
           (select t.untold_overdue_at from tasks t where t.untold_overdue_at > $1 order by t.untold_overdue_at limit 1) - $1,
           (select min(t.at - clock.now)
              from ${CLOCKS}
             cross join lateral (select t.untold_overdue_at as at from tasks t
                                  where t.organization_id = clock.organization_id and not t.livemode and t.untold_overdue_at > clock.now
                                  order by t.untold_overdue_at limit 1) as t)))::float8 * 1000 as ms`,
};

/** Open tasks of every tenant that are overdue without anybody having been told, those that have been so for longest first. */
export async function overdueAndUntold(workers: Pool, now: Date): Promise<OverdueTask[]> {
  const { rows } = await workers.query<OverdueRow>({ ...OVERDUE_AND_UNTOLD, values: [now] });
  return rows.map((row) => ({ id: row.id, organizationId: row.organization_id, livemode: row.livemode, offsetMs: row.offset_ms }));
}

/** Infinity when nothing waits for its time. */
export async function msUntilNext(workers: Pool, now: Date): Promise<number> {
  const { rows } = await workers.query<{ ms: number | null }>({ ...NEXT_TO_TELL, values: [now] });
  return rows[0]?.ms ?? Infinity;
}
