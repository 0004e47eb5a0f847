import type { PublicEvent } from '@works/contracts/events';
import type { ProjectClosedData, ProjectCreatedData } from '@works/contracts/projects';
import { CALLER_HEADER, signCaller, type Caller } from '@works/platform/caller';
import { deriveKey, serviceConfig } from '@works/platform/config';
import { newId } from '@works/platform/ids';
import { runService } from '@works/platform/service';
import { TenantDatabase } from '@works/platform/tenancy';
import { CancelTasksWhenProjectClosed } from './reactions/cancel-tasks-when-project-closed';
import { ScaffoldTasksWhenProjectCreated } from './reactions/scaffold-tasks-when-project-created';
import { ProjectsService } from './projects-service.examples';
import { tasksService } from './tasks.module';

const SECRET = 'a secret of the specs, long enough to be one';

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
  json<Body = { code: string; errors: { pointer: string; code: string }[] }>(): Body;
}

export interface StoredEvent {
  type: string;
  version: number;
  transaction: string;
  log_key: string;
  public: PublicEvent;
}

export type TasksService = Awaited<ReturnType<typeof startTasks>>;

/** The whole service as it runs, on databases of a spec's own. `projectsUrl` is whom it asks for facts of projects; by default one that has none. */
export async function startTasks({ own, log, projectsUrl }: { own: Database; log: Database; projectsUrl?: string }) {
  const projects = projectsUrl === undefined ? new ProjectsService() : null;
  const env = {
    PORT: '0',
    DATABASE_URL: own.appUrl,
    WORKER_DATABASE_URL: own.workerUrl,
    EVENT_LOG: 'embedded',
    LOG_DATABASE_URL: log.appUrl,
    WORKS_SECRET: SECRET,
    PROJECTS_URL: projectsUrl ?? (await projects!.start()),
    LOG_LEVEL: 'error',
  };
  const service = await runService(tasksService, serviceConfig(env));
  const { app } = service;
  const key = deriveKey(SECRET, 'caller');
  const send = (method: 'GET' | 'POST' | 'PATCH', url: string, headers: Record<string, string>, body?: unknown): Promise<Answer> =>
    app.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body as object }) }) as Promise<Answer>;
  const as = (caller: Caller | null) => {
    const signed: Record<string, string> = caller === null ? {} : { [CALLER_HEADER]: signCaller(caller, key, Date.now()) };
    return {
      get: (url: string, headers: Record<string, string> = {}) => send('GET', url, { ...signed, ...headers }),
      post: (url: string, body?: unknown, headers: Record<string, string> = {}) =>
        send('POST', url, { 'idempotency-key': newId('idem'), ...signed, ...headers }, body),
      patch: (url: string, body: unknown, headers: Record<string, string> = {}) =>
        send('PATCH', url, { 'idempotency-key': newId('idem'), ...signed, ...headers }, body),
    };
  };
  return {
    app,
    as: (caller: Caller) => as(caller),
    asNobody: () => as(null),

    /** Delivers news as the event log would. */
    hear: (event: PublicEvent<ProjectCreatedData> | PublicEvent<ProjectClosedData>): Promise<void> =>
      event.type === 'project.created'
        ? app.get(ScaffoldTasksWhenProjectCreated).scaffold(event as PublicEvent<ProjectCreatedData>)
        : app.get(CancelTasksWhenProjectClosed).cancel(event as PublicEvent<ProjectClosedData>),

    eventsOf: async (caller: Caller, id: string): Promise<StoredEvent[]> => {
      const rows = await app
        .get(TenantDatabase)
        .query<{ type: string; version: number; transaction: string; log_key: string; public: string }>(
          caller,
          'select type, version, xmin::text as transaction, log_key, public from events where stream_id = $1 order by version',
          [id],
        );
      return rows.map((row) => ({ ...row, public: JSON.parse(row.public) as PublicEvent }));
    },

    query: <Row extends object>(caller: Caller, text: string, values: unknown[] = []) =>
      app.get(TenantDatabase).query<Row & Record<string, unknown>>(caller, text, values),

    /** Leaves the databases for whoever runs next. */
    stopOnly: async () => {
      await service.stop();
      await projects?.stop();
    },

    stop: async () => {
      await service.stop();
      await projects?.stop();
      await Promise.all([own.drop(), log.drop()]);
    },
  };
}
