import type { PlannedProject, Project } from './project';
import type { UpdateProjectBody } from './requests';

/** The `data` of `project.created`: the project with its whole plan, as the answer to `POST /projects` showed it. */
export type ProjectCreatedData = {
  project: PlannedProject;
  previous: Record<string, never>;
};

/** The `data` of `project.updated`: the project right after it, and exactly what it changed, as that was before. */
export type ProjectUpdatedData = {
  project: Project;
  previous: Partial<Pick<Project, keyof UpdateProjectBody>>;
};

/** The `data` of `project.closed`. With `open_tasks: "cancel"` every task that is still open is cancelled with it. */
export type ProjectClosedData = {
  project: Project;
  previous: Partial<Pick<Project, 'status' | 'outcome'>>;
  open_tasks: 'cancel' | 'none';
};

/** The `data` of `project.reopened`: `previous` says how and when it had been closed. Tasks that the closing cancelled stay cancelled. */
export type ProjectReopenedData = {
  project: Project;
  previous: Pick<Project, 'status' | 'outcome' | 'closed_at'>;
};
