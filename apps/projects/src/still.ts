import type { Statement } from '@works/platform/event-store';
import type { MilestoneId, Progress } from './domain/milestone';
import type { ProjectId } from './domain/project';

/**
 * Last statements of a command's transaction: what was read of other aggregates before deciding must still be so, or it is decided again.
 * Versions only grow, so their sum is the same only where no milestone of the project was added or changed.
 */
export const milestonesAreStill = (projectId: ProjectId, versions: number): Statement => ({
  text: 'select decide_again_unless((select coalesce(sum(m.version), 0) = $2 from milestones m where m.project_id = $1))',
  values: [projectId, versions],
});

/**
 * The lock is the one that `doneMilestones` takes before it counts: either that count is over and seen here, or it comes after this commit and
 * sees the milestone as it is then. Only for a milestone that does not reach by itself yet: otherwise whoever holds the lock may be waiting for
 * this command's event, in a circle.
 */
export const progressIsStill = (milestoneId: MilestoneId, { tasks, tasks_completed }: Progress): Statement[] => [
  { text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))', values: [milestoneId] },
  {
    text: `select decide_again_unless(count(*) filter (where t.status <> 'cancelled') = $2 and count(*) filter (where t.status = 'completed') = $3)
             from project_tasks t where t.milestone_id = $1`,
    values: [milestoneId, tasks, tasks_completed],
  },
];
