import type { PublicEvent } from '@works/contracts/events';
import type { PlannedProject } from '@works/contracts/projects';
import type { Task, TaskEventData } from '@works/contracts/tasks';
import { CALLER_HEADER, signCaller, type Caller } from '@works/platform/caller';
import { deriveKey, serviceConfig } from '@works/platform/config';
import { newId } from '@works/platform/ids';
import { runService } from '@works/platform/service';
import { TenantDatabase } from '@works/platform/tenancy';
import { projectsService } from './projects.module';
import { TrackProgressWhenTasksChange } from './reactions/track-progress-when-tasks-change';

export const SECRET = 'a secret of the specs, long enough to be one';

interface Surroundings {
  own: Database;
  log: Database;
  tasksUrl?: string;
  /** The variables that name SK Billing. */
  billing?: Record<string, string>;
}

interface Database {
  appUrl: string;
  workerUrl: string;
  drop(): Promise<void>;
}

/** What came back; a body is taken for a problem unless said otherwise. */
export interface Answer {
  statusCode: number;
  headers: Record<string, string | undefined>;
  body: string;
  json<Body = { code: string; detail: string; errors: { pointer: string; code: string }[] }>(): Body;
}

export interface StoredEvent {
  type: string;
  version: number;
  log_key: string | null;
  public: PublicEvent | null;
}

export type TaskNews = PublicEvent<TaskEventData>;
export type ProjectsService = Awaited<ReturnType<typeof startProjects>>;

/** The whole service as it runs, on databases of a spec's own. `tasksUrl` is where it reads tasks. */
export async function startProjects({ own, log, tasksUrl, billing = {} }: Surroundings) {
  const env = {
    ...billing,
    PORT: '0',
    DATABASE_URL: own.appUrl,
    WORKER_DATABASE_URL: own.workerUrl,
    EVENT_LOG: 'embedded',
    LOG_DATABASE_URL: log.appUrl,
    TASKS_URL: tasksUrl,
    WORKS_SECRET: SECRET,
    LOG_LEVEL: 'error',
  };
  const service = await runService(projectsService, serviceConfig(env));
  const { app } = service;
  const key = deriveKey(SECRET, 'caller');
  const send = (method: 'GET' | 'POST' | 'PATCH', url: string, headers: Record<string, string>, body?: unknown): Promise<Answer> =>
    app.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body as object }) }) as Promise<Answer>;

  return {
    app,

    as: (caller: Caller) => {
      const signed = { [CALLER_HEADER]: signCaller(caller, key, Date.now()) };
      return {
        get: (url: string, headers: Record<string, string> = {}) => send('GET', url, { ...signed, ...headers }),
        post: (url: string, body?: unknown, headers: Record<string, string> = {}) =>
          send('POST', url, { 'idempotency-key': newId('idem'), ...signed, ...headers }, body),
        patch: (url: string, body?: unknown, headers: Record<string, string> = {}) =>
          send('PATCH', url, { 'idempotency-key': newId('idem'), ...signed, ...headers }, body),
      };
    },

    /** One of the parts that the service is made of. */
    part: <Part>(token: (abstract new (...parts: never[]) => Part) | symbol): Part => app.get<Part>(token),

    /** Delivers news as the event log would: one batch of one partition. */
    hear: (...events: TaskNews[]): Promise<void> => app.get(TrackProgressWhenTasksChange).track(events),

    eventsOf: async (caller: Caller, id: string): Promise<StoredEvent[]> => {
      const rows = await app
        .get(TenantDatabase)
        .query<{ type: string; version: number; log_key: string | null; public: string | null }>(
          caller,
          'select type, version, log_key, public from events where stream_id = $1 order by version',
          [id],
        );
      return rows.map((row) => ({ ...row, public: row.public === null ? null : (JSON.parse(row.public) as PublicEvent) }));
    },

    query: <Row extends object>(caller: Caller, text: string, values: unknown[] = []) =>
      app.get(TenantDatabase).query<Row & Record<string, unknown>>(caller, text, values),

    /** For what would take too long to bring about by requests. */
    write: (caller: Caller, text: string, values: unknown[] = []) =>
      app.get(TenantDatabase).transaction(caller, (tx) => tx.query(text, values)),

    stop: async () => {
      await service.stop();
      await Promise.all([own.drop(), log.drop()]);
    },
  };
}

export const tasksOf = (project: PlannedProject, milestone = 0): Task[] => project.milestones[milestone]!.tasks;

/** A task that somebody made by hand. */
export const A_TASK: Task = {
  id: newId('tsk'),
  object: 'task',
  project_id: null,
  milestone_id: null,
  key: null,
  title: 'Call the landlord',
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
  created_at: '2026-11-23T06:30:00.000Z',
  updated_at: '2026-11-23T06:30:00.000Z',
  version: 1,
};

/** What the tasks service tells once the task has come to this. */
export function news(
  caller: Caller,
  task: Task,
  status: Task['status'],
  { version = task.version + 1, at = '2026-11-24T06:30:00.000Z' } = {},
): TaskNews {
  return {
    id: newId('evt'),
    object: 'event',
    type: status === 'open' ? 'task.created' : `task.${status}`,
    timestamp: at,
    organization_id: caller.organizationId,
    livemode: caller.livemode,
    position: null,
    subject: task.id,
    project_id: task.project_id,
    previous_event: null,
    caused_by: null,
    actor: caller.actor,
    request: { id: newId('req'), idempotency_key: 'k' },
    data: {
      task: {
        ...task,
        status,
        version,
        updated_at: at,
        completed_at: status === 'completed' ? at : null,
        cancelled_at: status === 'cancelled' ? at : null,
      },
      previous: {},
    },
  };
}

/** What the tasks service tells when a task has been changed; `previous` is what it was before. */
export const updated = (caller: Caller, task: Task, changes: Partial<Task>, version = task.version + 1): TaskNews => {
  const event = news(caller, { ...task, ...changes }, task.status, { version });
  const previous = Object.fromEntries(Object.keys(changes).map((field) => [field, task[field as keyof Task]]));
  return { ...event, type: 'task.updated', data: { task: event.data.task, previous } };
};

export const reopened = (caller: Caller, task: Task, version = task.version + 2): TaskNews => ({
  ...news(caller, task, 'open', { version }),
  type: 'task.reopened',
});

export const completed = (caller: Caller, task: Task): TaskNews => news(caller, task, 'completed');
export const cancelled = (caller: Caller, task: Task): TaskNews => news(caller, task, 'cancelled');
