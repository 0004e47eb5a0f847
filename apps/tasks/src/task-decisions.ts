import type { AssignTaskBody, CompleteTaskBody, CreateTaskBody, UpdateTaskBody } from '@works/contracts/tasks';
import { RuleViolation } from '@works/platform/errors';
import type { CommandRequest } from '@works/platform/event-store';
import type { Decided } from './aggregate';
import { detailsAfter } from './changed-task';
import {
  assignTask,
  cancelTask,
  completeTask,
  createTask,
  reopenTask,
  stillOpen,
  updateTask,
  type Task,
  type TaskId,
  type UserId,
} from './domain/task';
import { planOf } from './new-task';
import type { Surroundings } from './surroundings';

// What the rules say to each request about one task, once what they need to see has been read. The commands ask about one task,
// a batch about many, one after the other.

export async function created(
  body: CreateTaskBody,
  { caller, now }: CommandRequest,
  around: Surroundings,
): Promise<Decided & { readonly id: TaskId }> {
  const { project, dependencies } = await around.references({
    projectId: body.project_id ?? null,
    milestoneId: body.milestone_id ?? null,
    dependencies: (body.depends_on ?? []) as TaskId[],
  });
  if (project?.status === 'closed') throw new RuleViolation('project_closed', 'The project is closed; it takes no new tasks.');
  const plan = planOf(body, project?.time_zone ?? caller.timeZone);
  const blocked = Object.values(dependencies).includes('open');
  const events = createTask(plan, (body.assignee_id ?? null) as UserId | null, { at: now.toISOString(), blocked });
  return { id: plan.id, events, seen: { now, blocked } };
}

export async function updated(task: Task, body: UpdateTaskBody, { now }: CommandRequest, around: Surroundings): Promise<Decided> {
  const open = stillOpen(task);
  const wanted = detailsAfter(open, body);
  const milestoneId = body.milestone_id ?? null;
  const dependencies = (body.depends_on ?? []) as TaskId[];
  if (milestoneId !== null || dependencies.length > 0) await around.references({ projectId: task.project_id, milestoneId, dependencies });
  const cycle = await around.cycle(task.id, dependencies);
  const blocked = (await around.openDependencies({ ...open, depends_on: wanted.depends_on ?? open.depends_on })).length > 0;
  return { events: updateTask(task, wanted, { at: now.toISOString(), blocked, cycle }), seen: { now, blocked } };
}

export async function assigned(task: Task, body: AssignTaskBody, { now }: CommandRequest, around: Surroundings): Promise<Decided> {
  const blocked = (await around.openDependencies(task)).length > 0;
  return {
    events: assignTask(task, body.assignee_id as UserId | null, { at: now.toISOString(), blocked }),
    seen: { now, blocked },
  };
}

export async function completed(
  task: Task,
  body: CompleteTaskBody,
  { caller, now }: CommandRequest,
  around: Surroundings,
): Promise<Decided> {
  const events = completeTask(task, {
    at: now.toISOString(),
    by: caller.actor,
    force: body.force ?? false,
    openDependencies: await around.openDependencies(task),
  });
  return { events, seen: { now, blocked: false } };
}

export async function reopened(task: Task, { now }: CommandRequest, around: Surroundings): Promise<Decided> {
  const blocked = (await around.openDependencies({ ...task, status: 'open' })).length > 0;
  const projectStatus = await around.projectStatus(task.project_id);
  return { events: reopenTask(task, { at: now.toISOString(), blocked, projectStatus }), seen: { now, blocked } };
}

export const cancelled = (task: Task, { now }: CommandRequest): Decided => ({
  events: cancelTask(task, { at: now.toISOString() }),
  seen: { now, blocked: false },
});
