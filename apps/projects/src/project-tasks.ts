import type { Task } from '@works/contracts/tasks';
import { endOfDay } from '@works/platform/calendar';
import type { Tenant } from '@works/platform/caller';
import type { Statement } from '@works/platform/event-store';
import type { TenantTransaction } from '@works/platform/tenancy';
import type { PlannedProject } from '@works/contracts/projects';

/** What this service keeps of a task, and when it is overdue. Kept with the plan, so that progress is right before the tasks service has spoken. */
export function rememberPlannedTasks(tenant: Tenant, project: PlannedProject): Statement {
  return {
    text: `${INSERT} from ${ROWS}`,
    values: [tenant.organizationId, tenant.livemode, ...columnsOf(project.milestones.flatMap(({ tasks }) => tasks))],
  };
}

/** A task that is news: newer than what was known of it. */
export interface NotedTask {
  readonly task_id: string;
  readonly milestone_id: string | null;
  readonly status: Task['status'];
}

/** Takes in what the tasks service tells, each task at most once. Tasks of projects or milestones that are unknown here are nobody's progress. */
export async function noteTasks(tx: TenantTransaction, tasks: readonly Task[]): Promise<NotedTask[]> {
  const { rows } = await tx.query<NotedTask>({
    name: 'projects_note_tasks',
    // Planned tasks are known before the tasks service tells of them: most news is old, and is left out before it locks a row.
    // Scalar look-ups: as semi-joins the planner would rather read every project of the tenant first.
    // Ordered, so that two transactions that note the same tasks never wait for each other in a circle.
    text: `${INSERT} from ${ROWS}
            where t.version > coalesce((select known.version from project_tasks known where known.task_id = t.task_id), 0)
              and (select true from projects p where p.id = t.project_id)
              and (t.milestone_id is null or (select m.project_id from milestones m where m.id = t.milestone_id) = t.project_id)
            order by t.task_id collate "C"
           on conflict (task_id) do update
             set project_id = excluded.project_id, milestone_id = excluded.milestone_id, title = excluded.title, status = excluded.status,
                 version = excluded.version, overdue_at = excluded.overdue_at, created_at = excluded.created_at, ended_at = excluded.ended_at
             where known.version < excluded.version
           returning task_id, milestone_id, status`,
    values: [tx.tenant.organizationId, tx.tenant.livemode, ...columnsOf(tasks)],
  });
  return rows;
}

const INSERT = `insert into project_tasks as known
    (task_id, organization_id, livemode, project_id, milestone_id, title, status, version, overdue_at, created_at, ended_at)
  select t.task_id, $1, $2, t.project_id, t.milestone_id, t.title, t.status, t.version, t.overdue_at, t.created_at, t.ended_at`;

const ROWS = `unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::timestamptz[],
    $10::timestamptz[], $11::timestamptz[])
  as t(task_id, project_id, milestone_id, title, status, version, overdue_at, created_at, ended_at)`;

const columnsOf = (tasks: readonly Task[]): unknown[] => [
  tasks.map((task) => task.id),
  tasks.map((task) => task.project_id),
  tasks.map((task) => task.milestone_id),
  tasks.map((task) => task.title),
  tasks.map((task) => task.status),
  tasks.map((task) => task.version),
  tasks.map(overdueAt),
  tasks.map((task) => task.created_at),
  tasks.map((task) => task.completed_at ?? task.cancelled_at),
];

const overdueAt = ({ due_at, due_on, time_zone }: Task): string | null => due_at ?? (due_on === null ? null : endOfDay(due_on, time_zone));
