import type { PublicEvent } from '@works/contracts/events';
import type { Milestone, MilestoneAddedData } from '@works/contracts/milestones';
import type { Project, ProjectClosedData, ProjectCreatedData, ProjectReopenedData, ProjectUpdatedData } from '@works/contracts/projects';
import type { Task } from '@works/contracts/tasks';
import type { Tenant } from '@works/platform/caller';
import { newId, type Id } from '@works/platform/ids';

/** News of a project, as the log brings it: two milestones, the second task waits for the first, the third is nobody's yet. */
export function aProjectCreated(tenant: Tenant, at = '2026-11-23T06:30:00.000Z'): PublicEvent<ProjectCreatedData> {
  const id = newId('prj');
  const owner = newId('usr');
  const [groundwork, handover] = [newId('mst'), newId('mst')];
  const measure = aPlannedTask(at, {
    project_id: id,
    milestone_id: groundwork,
    key: 'measure',
    title: 'Measure the openings',
    assignee_id: owner,
  });
  const order = aPlannedTask(at, {
    project_id: id,
    milestone_id: groundwork,
    key: 'order',
    title: 'Order the glass',
    assignee_id: owner,
    due_on: '2026-11-30',
    checklist: [{ key: 'quote', title: 'Ask for three quotes', done: false }],
    depends_on: [measure.id],
    blocked: true,
  });
  const walk = aPlannedTask(at, {
    project_id: id,
    milestone_id: handover,
    key: 'walk',
    title: 'Walk through with the client',
    due_on: '2026-11-20',
    overdue: true,
  });
  const milestones = [
    { ...aMilestone(at, { id: groundwork, project_id: id, position: 1 }), tasks: [measure, order] },
    { ...aMilestone(at, { id: handover, project_id: id, position: 2 }), tasks: [walk] },
  ];
  return aProjectEvent(tenant, 'project.created', id, at, { project: { ...aProject(id, at), milestones }, previous: {} });
}

export function aProjectClosed(
  tenant: Tenant,
  projectId: string,
  openTasks: 'none' | 'cancel',
  { at = '2026-11-24T06:30:00.000Z', version = 2 } = {},
): PublicEvent<ProjectClosedData> {
  const project = { ...aProject(projectId, at), status: 'closed' as const, outcome: 'delivered' as const, closed_at: at, version };
  return aProjectEvent(tenant, 'project.closed', projectId, at, { project, open_tasks: openTasks, previous: { status: 'active' } });
}

export function aProjectReopened(
  tenant: Tenant,
  projectId: string,
  { at = '2026-11-25T06:30:00.000Z', version = 3 } = {},
): PublicEvent<ProjectReopenedData> {
  const previous = { status: 'closed' as const, outcome: 'delivered' as const, closed_at: at };
  return aProjectEvent(tenant, 'project.reopened', projectId, at, { project: { ...aProject(projectId, at), version }, previous });
}

export function aProjectMoved(
  tenant: Tenant,
  projectId: string,
  timeZone: string,
  { at = '2026-11-25T06:30:00.000Z', version = 2 } = {},
): PublicEvent<ProjectUpdatedData> {
  const project = { ...aProject(projectId, at), time_zone: timeZone, version };
  return aProjectEvent(tenant, 'project.updated', projectId, at, { project, previous: { time_zone: 'Asia/Kolkata' } });
}

export function aMilestoneAdded(tenant: Tenant, projectId: string, at = '2026-11-25T06:30:00.000Z'): PublicEvent<MilestoneAddedData> {
  const milestone = aMilestone(at, { id: newId('mst'), project_id: projectId, position: 3 });
  return { ...aProjectEvent(tenant, 'milestone.added', projectId, at, { milestone, previous: {} }), subject: milestone.id };
}

export const plannedTasks = (event: PublicEvent<ProjectCreatedData>): Task[] =>
  event.data.project.milestones.flatMap((milestone) => milestone.tasks);

const aProjectEvent = <Data>(
  { organizationId, livemode }: Tenant,
  type: PublicEvent['type'],
  projectId: string,
  at: string,
  data: Data,
) => ({
  id: newId('evt'),
  object: 'event' as const,
  type,
  timestamp: at,
  organization_id: organizationId,
  livemode,
  position: null,
  subject: projectId,
  project_id: projectId,
  actor: { type: 'api_key' as const, id: newId('key') },
  request: { id: newId('req'), idempotency_key: 'won-deal-1' },
  data,
});

const aPlannedTask = (at: string, given: Partial<Task>): Task & { id: Id<'tsk'> } =>
  ({
    id: newId('tsk'),
    object: 'task',
    project_id: null,
    milestone_id: null,
    key: null,
    title: '',
    description: null,
    status: 'open',
    assignee_id: null,
    priority: 'normal',
    due_on: null,
    due_at: null,
    time_zone: 'Asia/Kolkata',
    overdue: false,
    checklist: [],
    depends_on: [],
    blocked: false,
    metadata: {},
    completed_at: null,
    completed_by: null,
    cancelled_at: null,
    created_at: at,
    updated_at: at,
    version: given.assignee_id ? 2 : 1,
    ...given,
  }) as Task & { id: Id<'tsk'> };

const aProject = (id: string, at: string): Project => ({
  id,
  object: 'project',
  name: 'Site fit-out',
  status: 'active',
  outcome: null,
  owner_id: newId('usr'),
  deal_id: null,
  contact_id: null,
  reference: null,
  time_zone: 'Asia/Kolkata',
  starts_on: '2026-11-23',
  due_on: '2026-11-30',
  template: { key: 'fitout_v2', version: 1 },
  roles: {},
  variables: {},
  metadata: {},
  progress: { milestones: 2, milestones_reached: 0, tasks: 3, tasks_completed: 0, tasks_overdue: 0 },
  closed_at: null,
  created_at: at,
  updated_at: at,
  version: 1,
});

const aMilestone = (at: string, given: Pick<Milestone, 'id' | 'project_id' | 'position'>): Milestone => ({
  object: 'milestone',
  key: `phase_${given.position}`,
  name: `Phase ${given.position}`,
  due_on: '2026-11-30',
  status: 'pending',
  requires_sign_off: false,
  sign_off: null,
  progress: { tasks: 0, tasks_completed: 0 },
  blocked_by: [],
  billing: null,
  invoice: null,
  reached_at: null,
  created_at: at,
  updated_at: at,
  version: 1,
  ...given,
});
