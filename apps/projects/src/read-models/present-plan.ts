import type { PlannedMilestone as PlannedMilestoneResource } from '@works/contracts/milestones';
import type { PlannedProject, Project as ProjectResource, ProjectCreatedData, TaskPlan } from '@works/contracts/projects';
import type { Task } from '@works/contracts/tasks';
import { addMilestone, evolve } from '../domain/milestone';
import type { Project } from '../domain/project';
import { gateOf, type PlannedMilestone, type PlannedTask } from '../domain/scaffold';
import { OPEN_TASKS_SHOWN_MAX } from './milestone-rows';
import { presentBilling, presentMilestone } from './present-milestone';
import { presentProject } from './present-project';

/** A project that has just been opened, with its whole plan: exactly as later reads will show project, milestones and tasks. */
export const presentPlannedProject = (project: Project, plan: readonly PlannedMilestone[]): PlannedProject => ({
  ...presentOpened(project, plan),
  milestones: plan.map((milestone) => presentPlannedMilestone(project, milestone)),
});

/** The same project as its event tells it: of the plan, what does not follow from the project. */
export const presentProjectWithPlan = (project: Project, plan: readonly PlannedMilestone[]): ProjectCreatedData['project'] => ({
  ...presentOpened(project, plan),
  milestones: plan.map(({ id, key, name, position, due_on, requires_sign_off, billing, tasks }) => ({
    ...{ id, key, name, position, due_on, requires_sign_off },
    billing: presentBilling(billing),
    tasks: tasks.map(presentTaskPlan),
  })),
});

function presentOpened(project: Project, plan: readonly PlannedMilestone[]): ProjectResource {
  const tasks = plan.flatMap((milestone) => milestone.tasks);
  return presentProject(project, 1, {
    milestones: plan.length,
    milestones_reached: 0,
    tasks: tasks.length,
    tasks_completed: 0,
    tasks_overdue: tasks.filter((task) => task.overdue_at <= project.created_at).length,
  });
}

const presentTaskPlan = ({ id, key, title, description, assignee_id, priority, due_on, checklist, depends_on }: PlannedTask): TaskPlan => ({
  ...{ id, key, title, description, assignee_id, priority, due_on },
  checklist: checklist.map((item) => ({ key: item.key, title: item.title })),
  depends_on: [...depends_on],
});

function presentPlannedMilestone(project: Project, planned: PlannedMilestone): PlannedMilestoneResource {
  const milestone = evolve(null, addMilestone(gateOf(planned, project.id), project.created_at));
  const seen = {
    progress: { tasks: planned.tasks.length, tasks_completed: 0 },
    openTasks: planned.tasks.slice(0, OPEN_TASKS_SHOWN_MAX),
  };
  return { ...presentMilestone(milestone, 1, seen), tasks: planned.tasks.map((task) => presentPlannedTask(project, planned.id, task)) };
}

/** The fields stand in the order in which the tasks service answers them. */
function presentPlannedTask(project: Project, milestoneId: string, task: PlannedTask): Task {
  return {
    id: task.id,
    object: 'task',
    project_id: project.id,
    milestone_id: milestoneId,
    key: task.key,
    title: task.title,
    description: task.description,
    status: 'open',
    assignee_id: task.assignee_id,
    priority: task.priority,
    due_on: task.due_on,
    due_at: null,
    time_zone: project.time_zone,
    overdue: task.overdue_at <= project.created_at,
    checklist: task.checklist.map(({ key, title, done }) => ({ key, title, done })),
    depends_on: [...task.depends_on],
    blocked: task.depends_on.length > 0,
    metadata: {},
    completed_at: null,
    completed_by: null,
    cancelled_at: null,
    created_at: project.created_at,
    updated_at: project.created_at,
    version: plannedTaskVersion(task),
  };
}

/** The tasks service records that it is created, and, where somebody has it, that it is assigned. */
export const plannedTaskVersion = (task: PlannedTask): number => (task.assignee_id === null ? 1 : 2);
