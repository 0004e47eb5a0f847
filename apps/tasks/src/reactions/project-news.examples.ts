import type { PublicEvent } from '@works/contracts/events';
import type { Milestone, MilestoneAddedData } from '@works/contracts/milestones';
import type {
  MilestonePlan,
  Project,
  ProjectClosedData,
  ProjectCreatedData,
  ProjectReopenedData,
  ProjectUpdatedData,
  TaskPlan,
} from '@works/contracts/projects';
import type { Task } from '@works/contracts/tasks';
import { endOfDay } from '@works/platform/calendar';
import type { Tenant } from '@works/platform/caller';
import { newId } from '@works/platform/ids';

/** News of a project, as the log brings it: two milestones, the second task waits for the first, the third is nobody's yet. */
export function aProjectCreated(tenant: Tenant, at = '2026-11-23T06:30:00.000Z'): PublicEvent<ProjectCreatedData> {
  const id = newId('prj');
  const owner = newId('usr');
  const [groundwork, handover] = [newId('mst'), newId('mst')];
  const measure = aTaskPlan({ key: 'measure', title: 'Measure the openings', assignee_id: owner });
  const order = aTaskPlan({
    key: 'order',
    title: 'Order the glass',
    description: 'Toughened, 12 mm.',
    assignee_id: owner,
    due_on: '2026-11-30',
    checklist: [{ key: 'quote', title: 'Ask for three quotes' }],
    depends_on: [measure.id],
  });
  const walk = aTaskPlan({ key: 'walk', title: 'Walk through with the client', due_on: '2026-11-20' });
  const milestones = [
    aMilestonePlan({ id: groundwork, position: 1, tasks: [measure, order] }),
    aMilestonePlan({ id: handover, position: 2, tasks: [walk] }),
  ];
  return aProjectEvent(tenant, 'project.created', id, at, { project: { ...aProject(id, at), milestones }, previous: {} });
}

/** A project of as many tasks as a template may have, each with a checklist and waiting for the one before. */
export function aLargeProjectCreated(tenant: Tenant): PublicEvent<ProjectCreatedData> {
  const news = aProjectCreated(tenant);
  const milestones = Array.from({ length: 100 }, (_phase, phase) =>
    aMilestonePlan({
      id: newId('mst'),
      position: phase + 1,
      tasks: Array.from({ length: 10 }, (_task, place) =>
        aTaskPlan({
          key: `task_${phase}_${place}`,
          title: `Fix and test the ceiling in room ${place} of floor ${phase}`,
          assignee_id: newId('usr'),
          due_on: '2027-02-13',
          checklist: ['conduits', 'ducts', 'sprinklers'].map((key) => ({ key, title: `Somebody has signed for the ${key}` })),
        }),
      ),
    }),
  );
  const tasks = milestones.flatMap((milestone) => milestone.tasks);
  tasks.slice(1).forEach((task, index) => task.depends_on.push(tasks[index]!.id));
  return { ...news, data: { ...news.data, project: { ...news.data.project, milestones } } };
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

/** The tasks that the plan becomes, as the answer to `POST /projects` has shown them. */
export const plannedTasks = ({ timestamp: at, data: { project } }: PublicEvent<ProjectCreatedData>): Task[] =>
  project.milestones.flatMap((milestone) =>
    milestone.tasks.map((plan) => ({
      id: plan.id,
      object: 'task',
      project_id: project.id,
      milestone_id: milestone.id,
      key: plan.key,
      title: plan.title,
      description: plan.description,
      status: 'open',
      assignee_id: plan.assignee_id,
      priority: plan.priority,
      due_on: plan.due_on,
      due_at: null,
      time_zone: project.time_zone,
      overdue: plan.due_on !== null && endOfDay(plan.due_on, project.time_zone) <= at,
      checklist: plan.checklist.map(({ key, title }) => ({ key, title, done: false })),
      depends_on: plan.depends_on,
      blocked: plan.depends_on.length > 0,
      metadata: {},
      completed_at: null,
      completed_by: null,
      cancelled_at: null,
      created_at: at,
      updated_at: at,
      version: plan.assignee_id === null ? 1 : 2,
    })),
  );
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
  previous_event: null,
  caused_by: null,
  actor: { type: 'api_key' as const, id: newId('key') },
  request: { id: newId('req'), idempotency_key: 'won-deal-1' },
  data,
});

const aTaskPlan = (given: Partial<TaskPlan>): TaskPlan => ({
  id: newId('tsk'),
  key: null,
  title: '',
  description: null,
  assignee_id: null,
  priority: 'normal',
  due_on: null,
  checklist: [],
  depends_on: [],
  ...given,
});

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

const aMilestonePlan = (given: Pick<MilestonePlan, 'id' | 'position' | 'tasks'>): MilestonePlan => ({
  key: `phase_${given.position}`,
  name: `Phase ${given.position}`,
  due_on: '2026-11-30',
  requires_sign_off: false,
  billing: null,
  ...given,
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
