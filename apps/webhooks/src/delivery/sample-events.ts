import type { EventType } from '@works/contracts/events';
import type { Milestone, MilestoneInvoice } from '@works/contracts/milestones';
import type { Project } from '@works/contracts/projects';
import type { Task, TaskComment } from '@works/contracts/tasks';
import type { DeadLetter, WebhookEndpoint } from '@works/contracts/webhooks';
import type { TestClock } from '@works/contracts/test-clock';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { presentDelivery } from '../read-models/delivery-row';
import { NEW_ENDPOINT, presentEndpoint } from '../read-models/endpoint-row';

export interface Sample {
  readonly subject: string;
  readonly projectId: string | null;
  readonly data: Record<string, unknown>;
}

interface Scene {
  readonly projectId: string;
  readonly milestoneId: string;
  readonly taskId: string;
  readonly personId: string;
  readonly caller: Caller;
  readonly at: string;
}

const reachedAt = (at: string) => ({ status: 'reached', reached_at: at, blocked_by: [] });

const anInvoice = (overrides: Partial<MilestoneInvoice>): MilestoneInvoice => ({
  status: 'pending',
  id: null,
  error: null,
  attempts: 1,
  drafted_at: null,
  next_attempt_at: null,
  ...overrides,
});

/** What differs from the plain resource, and what was before, for types that are about a change. */
const CHANGES: Partial<Record<EventType, (scene: Scene) => { now: object; previous: object }>> = {
  'project.closed': ({ at }) => ({
    now: { status: 'closed', outcome: 'delivered', closed_at: at, version: 9 },
    previous: { status: 'active', outcome: null },
  }),
  'project.updated': () => ({ now: { due_on: '2026-12-18', version: 2 }, previous: { due_on: '2026-12-11' } }),
  'project.reopened': ({ at }) => ({
    now: { version: 10 },
    previous: { status: 'closed', outcome: 'delivered', closed_at: at },
  }),
  'milestone.updated': () => ({ now: { due_on: '2026-12-04', version: 2 }, previous: { due_on: '2026-11-30' } }),
  'milestone.reopened': ({ at }) => ({ now: { version: 5 }, previous: { status: 'reached', reached_at: at } }),
  'milestone.invoice_requested': ({ at }) => ({
    now: { ...reachedAt(at), invoice: anInvoice({ attempts: 0 }), version: 6 },
    previous: { invoice: anInvoice({ status: 'failed', error: 'SK Billing answered 422.' }) },
  }),
  'milestone.invoice_drafted': ({ at }) => ({
    now: { ...reachedAt(at), invoice: anInvoice({ status: 'drafted', id: newId('inv'), drafted_at: at }), version: 5 },
    previous: { invoice: anInvoice({ attempts: 0 }) },
  }),
  'milestone.invoice_failed': ({ at }) => ({
    now: { ...reachedAt(at), invoice: anInvoice({ status: 'failed', error: 'SK Billing answered 422.' }), version: 5 },
    previous: { invoice: anInvoice({ attempts: 0 }) },
  }),
  'milestone.reached': ({ at }) => ({
    now: { status: 'reached', reached_at: at, blocked_by: [], version: 4 },
    previous: { status: 'pending' },
  }),
  'task.assigned': ({ personId }) => ({ now: { assignee_id: personId, version: 2 }, previous: { assignee_id: null } }),
  'task.unassigned': ({ personId }) => ({ now: { assignee_id: null, version: 3 }, previous: { assignee_id: personId } }),
  'task.updated': () => ({ now: { due_on: '2026-12-04', version: 3 }, previous: { due_on: '2026-11-30' } }),
  'task.reopened': ({ at, caller }) => ({
    now: { version: 4 },
    previous: { status: 'completed', completed_at: at, completed_by: caller.actor },
  }),
  'task.completed': ({ at, caller }) => ({
    now: { status: 'completed', completed_at: at, completed_by: caller.actor, version: 3 },
    previous: { status: 'open' },
  }),
  'task.overdue': () => ({ now: { due_on: '2026-11-20', overdue: true, version: 3 }, previous: { overdue: false } }),
  'test_clock.advanced': ({ at }) => ({ now: {}, previous: { now: at, offset_ms: 0 } }),
  'task.cancelled': ({ at }) => ({ now: { status: 'cancelled', cancelled_at: at, version: 3 }, previous: { status: 'open' } }),
};

/** An event of this type as it could have been, about resources that never were: an Indian office that is being fitted out. */
export function sampleOf(type: EventType, caller: Caller, now: Date): Sample {
  const scene: Scene = {
    projectId: newId('prj'),
    milestoneId: newId('mst'),
    taskId: newId('tsk'),
    personId: newId('usr'),
    caller,
    at: now.toISOString(),
  };
  const { now: changed, previous } = CHANGES[type]?.(scene) ?? { now: {}, previous: {} };
  const kind = type.split('.')[0]!;
  switch (kind) {
    case 'project':
      return {
        subject: scene.projectId,
        projectId: scene.projectId,
        data: { project: { ...aProject(scene), ...(type === 'project.created' && { milestones: [] }), ...changed }, previous },
      };
    case 'milestone':
      return {
        subject: scene.milestoneId,
        projectId: scene.projectId,
        data: {
          milestone: { ...aMilestone(scene), ...changed },
          ...('invoice' in changed && { invoice: changed.invoice }),
          previous,
        },
      };
    case 'webhook_endpoint': {
      const endpoint = {
        ...anEndpoint(scene),
        status: 'disabled' as const,
        disabled_reason: 'Every attempt has failed for 5 days.',
        version: 2,
      };
      return {
        subject: endpoint.id,
        projectId: null,
        data: { webhook_endpoint: endpoint, previous: { status: 'enabled', disabled_reason: null } },
      };
    }
    case 'delivery': {
      const delivery = aDeadLetter(scene);
      return { subject: delivery.id, projectId: null, data: { delivery, previous: { status: 'pending' } } };
    }
    case 'test_clock': {
      const clock = aTestClock(scene);
      return { subject: clock.id, projectId: null, data: { test_clock: clock, previous } };
    }
    default:
      return {
        subject: scene.taskId,
        projectId: scene.projectId,
        data: { task: { ...aTask(scene), ...changed }, ...(type === 'task.commented' && { comment: aComment(scene) }), previous },
      };
  }
}

const aComment = ({ taskId, caller, at }: Scene): TaskComment => ({
  id: newId('cmt'),
  object: 'comment',
  task_id: taskId,
  body: 'The glass arrives on Friday.',
  author: caller.actor,
  created_at: at,
  updated_at: at,
  version: 1,
});

/** Two days ahead. */
const aTestClock = ({ caller, at }: Scene): TestClock => {
  const [offset_ms, now] = [2 * 86_400_000, new Date(Date.parse(at) + 2 * 86_400_000).toISOString()];
  return {
    id: `clk_${caller.organizationId.slice('org_'.length)}`,
    object: 'test_clock',
    now,
    offset_ms,
    created_at: now,
    updated_at: now,
    version: 1,
  };
};

const aProject = ({ projectId, personId, caller, at }: Scene): Project => ({
  id: projectId,
  object: 'project',
  name: 'Site fit-out, Koramangala office',
  status: 'active',
  outcome: null,
  owner_id: personId,
  deal_id: newId('dl'),
  contact_id: null,
  reference: null,
  time_zone: caller.timeZone,
  starts_on: null,
  due_on: null,
  template: null,
  roles: { lead: personId },
  variables: {},
  metadata: {},
  progress: { milestones: 0, milestones_reached: 0, tasks: 0, tasks_completed: 0, tasks_overdue: 0 },
  closed_at: null,
  created_at: at,
  updated_at: at,
  version: 1,
});

const aMilestone = ({ projectId, milestoneId, at }: Scene): Milestone => ({
  id: milestoneId,
  object: 'milestone',
  project_id: projectId,
  key: null,
  name: 'Design signed off',
  position: 1,
  due_on: null,
  status: 'pending',
  requires_sign_off: false,
  sign_off: null,
  progress: { tasks: 3, tasks_completed: 3 },
  blocked_by: [],
  billing: null,
  invoice: null,
  reached_at: null,
  created_at: at,
  updated_at: at,
  version: 3,
});

const aTask = ({ projectId, milestoneId, taskId, personId, caller, at }: Scene): Task => ({
  id: taskId,
  object: 'task',
  project_id: projectId,
  milestone_id: milestoneId,
  key: null,
  title: 'Measure the site and photograph every wall',
  description: null,
  status: 'open',
  assignee_id: personId,
  priority: 'normal',
  due_on: null,
  due_at: null,
  time_zone: caller.timeZone,
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
  version: 1,
});

const anEndpoint = ({ at }: Scene): WebhookEndpoint =>
  presentEndpoint({
    ...NEW_ENDPOINT,
    id: newId('whk'),
    url: 'https://example.com/hooks',
    created_at: new Date(at),
    updated_at: new Date(at),
  });

const aDeadLetter = ({ at }: Scene): DeadLetter => ({
  ...presentDelivery({
    id: newId('dlv'),
    endpoint_id: newId('whk'),
    event_id: newId('evt'),
    event_type: 'task.completed',
    sequence: '1842',
    status: 'dead',
    attempts_made: 8,
    next_attempt_at: null,
    delivered_at: null,
    passed: null,
    replay_of: null,
    replayed_as: null,
    replays: 0,
    created_at: new Date(at),
    updated_at: new Date(at),
  }),
  last_error: { stage: 'timeout_headers', code: 'TimeoutError', detail: 'no whole answer within 15 s' },
});
