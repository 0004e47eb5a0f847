import type { Milestone as MilestoneResource } from '@works/contracts/milestones';
import type { Milestone, Progress } from '../domain/milestone';
import { presentMilestone } from './present-milestone';

/** Enough to act on; `progress` tells how many there are. */
export const OPEN_TASKS_SHOWN_MAX = 100;

export interface MilestoneRow {
  version: number;
  state: Milestone;
  progress: Progress;
  open_tasks: { id: `tsk_${string}`; title: string }[];
}

/** How the tasks of a milestone `m` are. Oldest tasks first: ids sort by the time they were made. */
export const MILESTONE_TASK_COLUMNS = `
  (select jsonb_build_object('tasks', count(*) filter (where t.status <> 'cancelled'), 'tasks_completed', count(*) filter (where t.status = 'completed'))
     from project_tasks t where t.milestone_id = m.id) as progress,
  coalesce((select jsonb_agg(jsonb_build_object('id', o.task_id, 'title', o.title) order by o.task_id collate "C")
              from (select t.task_id, t.title from project_tasks t where t.milestone_id = m.id and t.status = 'open'
                     order by t.task_id collate "C" limit ${OPEN_TASKS_SHOWN_MAX}) o), '[]') as open_tasks`;

export const MILESTONE_COLUMNS = `m.version, m.state, ${MILESTONE_TASK_COLUMNS}`;

export const presentMilestoneRow = ({ state, version, progress, open_tasks }: MilestoneRow): MilestoneResource =>
  presentMilestone(state, version, { progress, openTasks: open_tasks });
