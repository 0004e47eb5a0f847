import { newId } from '@works/platform/ids';
import type { Api } from '../support/api';
import { ImpatientClient, StoryEnded, type Resource } from './impatient-client';

type Look = (story: Story) => Promise<void>;

/** What a project of a template looks like to the one client that works on it, who therefore knows everything that has to be seen. */
class Story {
  readonly done: string[] = [];

  constructor(
    readonly client: ImpatientClient,
    readonly project: Resource,
    readonly tasks: readonly Resource[],
  ) {}

  get path(): string {
    return `/projects/${this.project['id'] as string}`;
  }

  get last(): string {
    return this.done.at(-1)!;
  }

  /** A milestone reaches by itself with its last task, unless somebody has to sign it off. */
  statusOf({ id, requires_sign_off }: Resource): string {
    const open = this.tasks.filter((task) => task['milestone_id'] === id && !this.done.includes(task['id'] as string));
    return open.length === 0 && !requires_sign_off ? 'reached' : 'pending';
  }

  get milestones(): Resource[] {
    return this.project['milestones'] as Resource[];
  }

  get reached(): number {
    return this.milestones.filter((milestone) => this.statusOf(milestone) === 'reached').length;
  }
}

const isSame = (what: string, found: unknown, wanted: unknown): string | null =>
  JSON.stringify(found) === JSON.stringify(wanted) ? null : `${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`;
const idsOf = (rows: readonly Resource[]): string[] => rows.map(({ id }) => id as string).sort();
const hasAll = (what: string, found: readonly unknown[], wanted: readonly unknown[]): string | null => {
  const missing = wanted.filter((one) => !found.includes(one));
  return missing.length === 0 ? null : `${what}: ${missing.length} of ${wanted.length} are missing, ${String(missing[0])} is one`;
};
const progressOf = ({ progress }: Resource): unknown[] => [progress.tasks, progress.tasks_completed, progress.milestones_reached];
const expectedProgress = (story: Story): unknown[] => [story.tasks.length, story.done.length, story.reached];

/** Everything that can be read of a project and its work: by its id, its lists, and the lists of the organization. */
const LOOKS: readonly Look[] = [
  ({ client, last }) => client.read(`/tasks/${last}`, ({ status }) => isSame('status', status, 'completed')),
  (story) => story.client.read(story.path, (body) => isSame('progress', progressOf(body), expectedProgress(story))),
  ({ client, project, done }) =>
    client.read(`/tasks?project_id=${project['id'] as string}&status=completed&limit=100`, ({ data }) =>
      isSame('tasks of the project', idsOf(data as Resource[]), [...done].sort()),
    ),
  (story) =>
    story.client.read(`${story.path}/milestones`, ({ data }) =>
      isSame(
        'milestones',
        (data as Resource[]).map(({ status }) => status as string),
        story.milestones.map((milestone) => story.statusOf(milestone)),
      ),
    ),
  ({ client, project, done }) =>
    client.read(`/events?project_id=${project['id'] as string}&type=task.completed&limit=100`, ({ data }) =>
      hasAll(
        'events',
        (data as Resource[]).map(({ subject }) => subject as string),
        done,
      ),
    ),
  ({ client, project, tasks, done }) =>
    client.read(`/users/${project['owner_id'] as string}/queue`, ({ counts }) =>
      isSame(
        'open tasks in the queue',
        Object.values(counts as Record<string, number>).reduce((sum, count) => sum + count, 0),
        tasks.length - done.length,
      ),
    ),
  ({ client, project, done }) =>
    client.read(`/tasks?assignee_id=${project['owner_id'] as string}&status=completed&limit=100`, ({ data }) =>
      isSame('tasks of the organization', idsOf(data as Resource[]), [...done].sort()),
    ),
  (story) =>
    story.client.read(`/projects?owner_id=${story.project['owner_id'] as string}`, ({ data }) =>
      isSame('projects of the organization', (data as Resource[]).map(progressOf), [expectedProgress(story)]),
    ),
  ({ client, path, done }) =>
    client.read(`${path}/timeline?limit=100`, ({ data }) => {
      const completed = (data as Resource[]).filter(({ type }) => type === 'task.completed').length;
      return completed >= done.length ? null : `timeline: ${completed} of ${done.length} completions`;
    }),
  (story) =>
    story.client.read(`${story.path}?expand=milestones.tasks`, ({ milestones }) => {
      const tasks = (milestones as Resource[]).flatMap((milestone) => milestone['tasks'] as Resource[]);
      return isSame('expanded tasks', idsOf(tasks.filter(({ status }) => status === 'completed')), [...story.done].sort());
    }),
];

/**
 * Opens a project of `fitout_v2`, completes its tasks as soon as those they depend on are, signs off what has to be, and closes it. What it has been
 * answered it reads back at once, in a different place each time, about as often as it writes.
 */
async function live(client: ImpatientClient): Promise<void> {
  const owner_id = newId('usr');
  const { body: project } = await client.write('/projects', { name: 'Site fit-out', owner_id, template: 'fitout_v2' });
  const tasks = (project['milestones'] as Resource[]).flatMap((milestone) => milestone['tasks'] as Resource[]);
  const story = new Story(client, project, tasks);
  await Promise.all([
    client.read(story.path, (body) => isSame('progress', progressOf(body), expectedProgress(story))),
    client.read(`/tasks?project_id=${project['id'] as string}&limit=100`, ({ data }) =>
      isSame('tasks', idsOf(data as Resource[]), idsOf(tasks)),
    ),
    client.read('/projects?limit=100', ({ data }) => hasAll('projects', idsOf(data as Resource[]), [project['id']])),
    client.read(`/events?project_id=${project['id'] as string}&type=project.created`, ({ data }) =>
      isSame(
        'events',
        (data as Resource[]).map(({ subject }) => subject as string),
        [project['id']],
      ),
    ),
  ]);

  let looks = client.reads;
  while (story.done.length < tasks.length) {
    const ready = tasks.filter(({ id, depends_on }) => !story.done.includes(id as string) && isAllDone(story, depends_on as unknown[]));
    await Promise.all(ready.map(({ id }) => client.write(`/tasks/${id as string}/complete`)));
    story.done.push(...idsOf(ready));
    await Promise.all(ready.map(() => LOOKS[looks++ % LOOKS.length]!(story)));
  }
  for (const { id } of story.milestones.filter(({ requires_sign_off }) => requires_sign_off === true)) {
    await client.write(`/milestones/${id as string}/reach`);
    await client.read(`/milestones/${id as string}`, ({ status }) => isSame('status', status, 'reached'));
  }
  await client.write(`${story.path}/close`, { outcome: 'delivered' });
  await client.read(`/projects?status=closed&owner_id=${owner_id}`, ({ data }) =>
    isSame('closed projects', idsOf(data as Resource[]), [project['id']]),
  );
}

const isAllDone = ({ done }: Story, dependencies: readonly unknown[]): boolean => dependencies.every((id) => done.includes(id as string));

/** `projects` of them, `inFlight` at a time. A story that was refused something ends there; the others go on. */
export async function liveThrough(
  api: Api,
  {
    projects,
    inFlight,
    tell = () => undefined,
  }: { projects: number; inFlight: number; tell?: (done: number, client: ImpatientClient) => void },
): Promise<ImpatientClient> {
  const client = new ImpatientClient(api);
  let [begun, ended] = [0, 0];
  const worker = async () => {
    while (begun++ < projects) {
      await live(client).catch((error: unknown) => {
        if (!(error instanceof StoryEnded)) throw error;
      });
      tell(++ended, client);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return client;
}
