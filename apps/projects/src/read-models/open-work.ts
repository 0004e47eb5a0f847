import { Injectable } from '@nestjs/common';
import type { Caller } from '@works/platform/caller';
import { TenantDatabase } from '@works/platform/tenancy';
import type { MilestoneId } from '../domain/milestone';
import type { OpenWork as WorkOfProject, Progress, ProjectId } from '../domain/project';
import { MILESTONE_TASK_COLUMNS, OPEN_TASKS_SHOWN_MAX, type MilestoneRow } from './milestone-rows';
import { projectColumns } from './project-rows';

interface ProjectWork {
  readonly openWork: WorkOfProject;
  readonly progress: Progress;
  /** The sum of its milestones' versions: the same as long as none is added or changed. */
  readonly milestoneVersions: number;
}

type MilestoneWork = Pick<MilestoneRow, 'progress' | 'open_tasks'> & { project_status: 'active' | 'closed' };

/** What the rules ask before a project closes or a milestone is reached: the work around them, as far as this service has heard. */
@Injectable()
export class OpenWork {
  constructor(private readonly database: TenantDatabase) {}

  async ofProject(caller: Caller, id: ProjectId, now: Date): Promise<ProjectWork> {
    const [work] = await this.database.query<{
      progress: Progress;
      open_tasks: WorkOfProject['tasks'];
      pending: WorkOfProject['milestones'];
      milestone_versions: number;
    }>(caller, {
      name: 'projects_open_work',
      text: `select ${projectColumns('$2')},
                    coalesce((select jsonb_agg(jsonb_build_object('id', o.task_id, 'title', o.title) order by o.task_id collate "C")
                                from (select t.task_id, t.title from project_tasks t where t.project_id = p.id and t.status = 'open'
                                       order by t.task_id collate "C" limit ${OPEN_TASKS_SHOWN_MAX}) o), '[]') as open_tasks,
                    coalesce((select jsonb_agg(jsonb_build_object('id', m.id, 'name', m.state->>'name') order by m.position)
                                from milestones m where m.project_id = p.id and m.status = 'pending'), '[]') as pending,
                    (select coalesce(sum(m.version), 0)::integer from milestones m where m.project_id = p.id) as milestone_versions
               from projects p where p.id = $1`,
      values: [id, now],
    });
    const { progress, open_tasks: tasks, pending, milestone_versions: milestoneVersions } = work!;
    return { progress, openWork: { tasks, milestones: pending }, milestoneVersions };
  }

  async ofMilestone(caller: Caller, id: MilestoneId): Promise<MilestoneWork> {
    const [work] = await this.database.query<MilestoneWork>(caller, {
      name: 'milestones_open_work',
      text: `select ${MILESTONE_TASK_COLUMNS}, p.status as project_status from milestones m join projects p on p.id = m.project_id where m.id = $1`,
      values: [id],
    });
    return work!;
  }
}
