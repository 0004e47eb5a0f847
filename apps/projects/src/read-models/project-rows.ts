import type { Project as ProjectResource } from '@works/contracts/projects';
import type { Progress, Project } from '../domain/project';
import { presentProject } from './present-project';

export interface ProjectRow {
  version: number;
  state: Project;
  progress: Progress;
}

/** What is read of a project `p` to show it; `now` is the placeholder of the present instant. Counted at every read, so it cannot drift. */
export const projectColumns = (now: string): string => `
  p.version, p.state,
  (select jsonb_build_object('milestones', count(*), 'milestones_reached', count(*) filter (where m.status = 'reached'))
     from milestones m where m.project_id = p.id)
  || (select jsonb_build_object(
               'tasks', count(*) filter (where t.status <> 'cancelled'),
               'tasks_completed', count(*) filter (where t.status = 'completed'),
               'tasks_overdue', count(*) filter (where t.status = 'open' and t.overdue_at <= ${now}))
        from project_tasks t where t.project_id = p.id) as progress`;

export const presentProjectRow = ({ state, version, progress }: ProjectRow): ProjectResource => presentProject(state, version, progress);
