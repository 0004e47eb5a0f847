import { Injectable } from '@nestjs/common';
import type { Tenant } from '@works/platform/caller';
import type { Id } from '@works/platform/ids';
import { TenantDatabase, type TenantTransaction } from '@works/platform/tenancy';
import type { Milestone, Progress as MilestoneProgress } from '../domain/milestone';
import type { OpenWork, Progress, Project } from '../domain/project';

/** How many open tasks a refusal names; the counts are always exact. */
const NAMED_MAX = 100;

/** The columns of a project's progress, beside `projects p`. */
export const PROGRESS_COLUMNS = `
  (select count(*)::int from milestones m where m.organization_id = p.organization_id and m.livemode = p.livemode and m.project_id = p.id) as milestones,
  (select count(*)::int from milestones m where m.organization_id = p.organization_id and m.livemode = p.livemode and m.project_id = p.id and m.status = 'reached') as milestones_reached,
  t.tasks, t.tasks_completed, t.tasks_overdue`;

/** Cancelled tasks do not count. */
export const PROGRESS_JOIN = `
  cross join lateral (
    select count(*) filter (where t.status <> 'cancelled')::int as tasks,
           count(*) filter (where t.status = 'completed')::int as tasks_completed,
           count(*) filter (where t.status = 'open' and t.overdue_at <= now())::int as tasks_overdue
      from project_tasks t where t.organization_id = p.organization_id and t.livemode = p.livemode and t.project_id = p.id
  ) t`;

/** The columns of a milestone, beside `milestones m`. */
export const MILESTONE_COLUMNS = 'm.id, m.version, m.state, t.tasks, t.tasks_completed, t.open_tasks';

export const MILESTONE_JOIN = `
  cross join lateral (
    select count(*) filter (where t.status <> 'cancelled')::int as tasks,
           count(*) filter (where t.status = 'completed')::int as tasks_completed,
           coalesce(jsonb_agg(jsonb_build_object('id', t.task_id, 'title', t.title) order by t.task_id) filter (where t.status = 'open'), '[]') as open_tasks
      from project_tasks t where t.organization_id = m.organization_id and t.livemode = m.livemode and t.milestone_id = m.id
  ) t`;

export interface MilestoneRow extends MilestoneProgress {
  id: string;
  version: number;
  state: Milestone;
  open_tasks: { id: Id<'tsk'>; title: string }[];
}

export interface ProjectRow extends Progress {
  id: string;
  version: number;
  state: Project;
}

type Queries = Pick<TenantTransaction, 'query'>;

/** How a project and its milestones stand at this moment, for the decisions that depend on it. */
@Injectable()
export class Standing {
  constructor(private readonly database: TenantDatabase) {}

  async ofProject(tenant: Tenant, projectId: string): Promise<{ progress: Progress; openWork: OpenWork }> {
    return this.database.transaction(tenant, async (tx) => {
      const { rows } = await tx.query<Progress & Record<string, unknown>>(
        `select ${PROGRESS_COLUMNS} from projects p ${PROGRESS_JOIN} where p.id = $1`,
        [projectId],
      );
      const tasks = await tx.query<OpenWork['tasks'][number] & Record<string, unknown>>(
        `select task_id as id, title from project_tasks where project_id = $1 and status = 'open' order by task_id limit ${NAMED_MAX}`,
        [projectId],
      );
      const pending = await tx.query<OpenWork['milestones'][number] & Record<string, unknown>>(
        `select id, state->>'name' as name from milestones where project_id = $1 and status = 'pending' order by position`,
        [projectId],
      );
      return { progress: rows[0]!, openWork: { tasks: tasks.rows, milestones: pending.rows } };
    });
  }

  async ofMilestone(tenant: Tenant, milestone: Milestone) {
    return this.database.transaction(tenant, (tx) => standingOf(tx, milestone));
  }
}

/** In a transaction: how far the milestone's tasks are, and whether its project is still active. */
export async function standingOf(tx: Queries, milestone: Milestone) {
  const { rows } = await tx.query<MilestoneRow & { project_status: 'active' | 'closed' }>(
    `select ${MILESTONE_COLUMNS}, p.status as project_status from milestones m ${MILESTONE_JOIN} join projects p on p.id = m.project_id where m.id = $1`,
    [milestone.id],
  );
  const { tasks, tasks_completed, open_tasks, project_status } = rows[0]!;
  return { progress: { tasks, tasks_completed }, openTasks: open_tasks, projectStatus: project_status };
}
