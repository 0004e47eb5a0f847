import type { PublicEvent } from '@works/contracts/events';
import type { ProjectClosedData, ProjectCreatedData } from '@works/contracts/projects';
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
  const project = { id, status: 'active', time_zone: 'Asia/Kolkata', version: 1 };
  const milestones = [
    { id: groundwork, project_id: id, tasks: [measure, order] },
    { id: handover, project_id: id, tasks: [walk] },
  ];
  return aProjectEvent<ProjectCreatedData>(tenant, 'project.created', id, at, {
    project: { ...project, milestones },
  } as unknown as ProjectCreatedData);
}

export function aProjectClosed(
  tenant: Tenant,
  projectId: string,
  openTasks: 'refuse' | 'cancel',
  { at = '2026-11-24T06:30:00.000Z', version = 2 } = {},
): PublicEvent<ProjectClosedData> {
  const project = { id: projectId, status: 'closed', time_zone: 'Asia/Kolkata', version };
  return aProjectEvent<ProjectClosedData>(tenant, 'project.closed', projectId, at, {
    project,
    open_tasks: openTasks,
  } as unknown as ProjectClosedData);
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
