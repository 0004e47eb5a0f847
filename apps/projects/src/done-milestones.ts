import type { Loaded } from '@works/platform/event-store';
import type { TenantTransaction } from '@works/platform/tenancy';
import type { Milestone, MilestoneId, Progress } from './domain/milestone';

export type CountedMilestone = Loaded<Milestone> & { readonly id: MilestoneId; readonly state: Milestone; readonly progress: Progress };

/**
 * Of these milestones the pending ones of active projects with no open task left, each held until the transaction ends.
 *
 * The locks come before the count: two transactions that each end one of the last two tasks would otherwise both count the other's task
 * as open, and nobody would reach the milestone. The second one waits here, and then counts what the first has committed.
 */
export async function doneMilestones(tx: TenantTransaction, ids: readonly string[]): Promise<CountedMilestone[]> {
  await tx.query({ ...LOCK_IN_ORDER, values: [ids] });
  const { rows } = await tx.query<CountedMilestone>({ ...COUNT, values: [ids] });
  return rows;
}

const LOCK_IN_ORDER = {
  name: 'milestones_lock',
  // Advisory, because a row lock would deadlock with commands: those append their event first and write the document after it.
  // In one order everywhere, so that two transactions over the same milestones never wait for each other in a circle.
  text: `select pg_advisory_xact_lock(lock)
           from (select distinct hashtextextended(m.id, 0) as lock from unnest($1::text[]) as m(id) order by lock) as in_order`,
};

const COUNT = {
  name: 'milestones_count_done',
  text: `select m.id, m.version, m.state, jsonb_build_object('tasks', work.tasks, 'tasks_completed', work.completed) as progress
           from milestones m
           join projects p on p.id = m.project_id and p.status = 'active'
          cross join lateral (select count(*) filter (where t.status <> 'cancelled') as tasks, count(*) filter (where t.status = 'completed') as completed
                                from project_tasks t where t.milestone_id = m.id) as work
          where m.id = any($1::text[]) and m.status = 'pending' and work.tasks = work.completed
          order by m.id collate "C"`,
};
