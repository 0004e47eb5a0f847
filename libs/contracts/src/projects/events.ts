import type { PlannedProject, Project } from './project';

/** The `data` of `project.created`: the project with its whole plan, as the answer to `POST /projects` showed it. */
export type ProjectCreatedData = {
  project: PlannedProject;
  previous: Record<string, never>;
};

/** The `data` of `project.closed`. With `open_tasks: "cancel"` every task that is still open is cancelled with it. */
export type ProjectClosedData = {
  project: Project;
  previous: Partial<Pick<Project, 'status' | 'outcome'>>;
  open_tasks: 'cancel' | 'none';
};
