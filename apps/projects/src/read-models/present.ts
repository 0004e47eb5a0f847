import type { Milestone as MilestoneResource, Blocker } from '@works/contracts/milestones';
import type { Project as ProjectResource, ScaffoldedProject } from '@works/contracts/projects';
import type { Task as TaskResource } from '@works/contracts/tasks';
import type { Milestone, Progress as MilestoneProgress } from '../domain/milestone';
import type { Progress, Project } from '../domain/project';
import type { PlannedMilestone, PlannedTask } from '../domain/scaffold';

/** The project as outsiders get it, fields in the order of the contract. */
export function presentProject(project: Project, version: number, progress: Progress): ProjectResource {
  return {
    id: project.id,
    object: 'project',
    name: project.name,
    status: project.status,
    outcome: project.status === 'closed' ? project.outcome : null,
    owner_id: project.owner_id,
    deal_id: project.deal_id,
    contact_id: project.contact_id,
    reference: project.reference,
    time_zone: project.time_zone,
    starts_on: project.starts_on,
    due_on: project.due_on,
    template: project.template && { key: project.template.key, version: project.template.version },
    roles: { ...project.roles },
    variables: { ...project.variables },
    metadata: { ...project.metadata },
    progress: {
      milestones: progress.milestones,
      milestones_reached: progress.milestones_reached,
      tasks: progress.tasks,
      tasks_completed: progress.tasks_completed,
      tasks_overdue: progress.tasks_overdue,
    },
    closed_at: project.status === 'closed' ? project.closed_at : null,
    created_at: project.created_at,
    updated_at: project.updated_at,
    version,
  };
}

export interface OpenTask {
  readonly id: string;
  readonly title: string;
}

/** The milestone as outsiders get it. What blocks a pending one: its open tasks, and then the sign-off. */
export function presentMilestone(milestone: Milestone, version: number, progress: MilestoneProgress, openTasks: readonly OpenTask[]): MilestoneResource {
  const reached = milestone.status === 'reached' ? milestone : null;
  return {
    id: milestone.id,
    object: 'milestone',
    project_id: milestone.project_id,
    key: milestone.key,
    name: milestone.name,
    position: milestone.position,
    due_on: milestone.due_on,
    status: milestone.status,
    requires_sign_off: milestone.requires_sign_off,
    sign_off: reached?.sign_off ? { by: { type: reached.sign_off.by.type, id: reached.sign_off.by.id }, note: reached.sign_off.note, at: reached.sign_off.at } : null,
    progress: { tasks: progress.tasks, tasks_completed: progress.tasks_completed },
    blocked_by: reached ? [] : blockersOf(milestone, openTasks),
    billing: milestone.billing && {
      items: milestone.billing.items.map(({ catalog_item_id, qty }) => ({ catalog_item_id, qty })),
      due_in_days: milestone.billing.due_in_days,
    },
    invoice: null,
    reached_at: reached?.reached_at ?? null,
    created_at: milestone.created_at,
    updated_at: milestone.updated_at,
    version,
  };
}

const blockersOf = ({ id, requires_sign_off }: Milestone, openTasks: readonly OpenTask[]): Blocker[] => [
  ...openTasks.map((task) => ({ kind: 'task' as const, id: task.id, title: task.title })),
  ...(requires_sign_off ? [{ kind: 'sign_off' as const, id, title: 'Sign-off' }] : []),
];

/** The tree of a project that has just been planned: what the tasks service will make, as it will show it. */
export function presentPlan(project: Project, plan: readonly PlannedMilestone[], now: string): ScaffoldedProject {
  const milestones = plan.map((planned) => {
    const tasks = planned.tasks.map((task) => presentPlannedTask(task, planned, project, now));
    const milestone: Milestone = { ...gateOf(planned, project.id), status: 'pending', created_at: now, updated_at: now };
    return { ...presentMilestone(milestone, 1, { tasks: tasks.length, tasks_completed: 0 }, inOrder(planned.tasks)), tasks };
  });
  return { ...presentProject(project, 1, progressOfPlan(plan, now)), milestones };
}

export const gateOf = ({ id, key, name, position, due_on, requires_sign_off, billing }: PlannedMilestone, project_id: Project['id']) => ({
  ...{ id, project_id, key, name, position, due_on, requires_sign_off, billing },
});

export function progressOfPlan(plan: readonly PlannedMilestone[], now: string): Progress {
  const tasks = plan.flatMap((milestone) => milestone.tasks);
  return {
    milestones: plan.length,
    milestones_reached: 0,
    tasks: tasks.length,
    tasks_completed: 0,
    tasks_overdue: tasks.filter((task) => task.overdue_at <= now).length,
  };
}

/** As the read of the milestone orders them. */
const inOrder = (tasks: readonly PlannedTask[]): OpenTask[] => [...tasks].sort((a, b) => (a.id < b.id ? -1 : 1));

function presentPlannedTask(task: PlannedTask, milestone: PlannedMilestone, project: Project, now: string): TaskResource {
  return {
    id: task.id,
    object: 'task',
    project_id: project.id,
    milestone_id: milestone.id,
    key: task.key,
    title: task.title,
    description: null,
    status: 'open',
    assignee_id: task.assignee_id,
    priority: task.priority,
    due_on: task.due_on,
    due_at: null,
    time_zone: project.time_zone,
    overdue: task.overdue_at <= now,
    checklist: task.checklist.map(({ key, title, done }) => ({ key, title, done })),
    depends_on: [...task.depends_on],
    blocked: task.depends_on.length > 0,
    metadata: {},
    completed_at: null,
    completed_by: null,
    cancelled_at: null,
    created_at: now,
    updated_at: now,
    // Created, and assigned where somebody plays the role.
    version: task.assignee_id === null ? 1 : 2,
  };
}
