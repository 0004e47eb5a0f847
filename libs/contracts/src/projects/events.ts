import type { Milestone } from '../milestones';
import type { ChecklistItem, Task } from '../tasks';
import type { Project } from './project';
import type { UpdateProjectBody } from './requests';

/** What is planned of a task; everything else about it follows from its project, until it has a life of its own with `task.created`. */
export type TaskPlan = Pick<Task, 'id' | 'key' | 'title' | 'description' | 'assignee_id' | 'priority' | 'due_on' | 'depends_on'> & {
  checklist: Pick<ChecklistItem, 'key' | 'title'>[];
};

export type MilestonePlan = Pick<Milestone, 'id' | 'key' | 'name' | 'position' | 'due_on' | 'requires_sign_off' | 'billing'> & {
  tasks: TaskPlan[];
};

/**
 * The `data` of `project.created`: the project, with its plan. The plan says only what the project does not: 1,000 tasks with
 * checklists must fit into one event.
 */
export type ProjectCreatedData = {
  project: Project & { milestones: MilestonePlan[] };
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
