import { Injectable } from '@nestjs/common';
import type { Caller } from '@works/platform/caller';
import { CaughtUp, type PositionsByService } from '@works/platform/caught-up';
import { RuleViolation } from '@works/platform/errors';
import { TenantDatabase } from '@works/platform/tenancy';
import type { OpenDependency, Task, TaskId } from './domain/task';
import { cycleThrough } from './domain/dependency-cycle';

/** What a task points at. */
export interface Mentioned {
  readonly projectId: string | null;
  readonly milestoneId: string | null;
  readonly dependencies: readonly TaskId[];
}

export interface Known {
  /** Null when no project is mentioned. */
  readonly project: { readonly status: 'active' | 'closed'; readonly time_zone: string; readonly milestone_ids: readonly string[] } | null;
  /** Status by id. */
  readonly dependencies: Readonly<Record<string, Task['status']>>;
}

/** Tasks as this very request has changed them so far; they are not stored yet. */
export type Drafts = ReadonlyMap<TaskId, Task>;

const NOTHING: Known = { project: null, dependencies: {} };

/** Knows what a decision about one task needs to know of others: projects, dependencies, and what these depend on. */
@Injectable()
export class TasksAround {
  constructor(
    private readonly database: TenantDatabase,
    private readonly caughtUp: CaughtUp,
  ) {}

  /** As this caller sees it, who has been told of these positions, after the drafts. */
  seenBy(caller: Caller, positions: PositionsByService, drafts: Drafts = new Map()): Surroundings {
    return new Surroundings(this.database, this.caughtUp, caller, positions, drafts);
  }
}

export class Surroundings {
  constructor(
    private readonly database: TenantDatabase,
    private readonly caughtUp: CaughtUp,
    private readonly caller: Caller,
    private readonly positions: PositionsByService,
    private readonly drafts: Drafts,
  ) {}

  /**
   * Which of the tasks that a task depends on are still open, in the order of `depends_on`.
   * Most tasks depend on nothing, and an ended one is blocked by nothing: neither costs a read.
   */
  async openDependencies(task: Task): Promise<OpenDependency[]> {
    if (task.status !== 'open' || task.depends_on.length === 0) return [];
    const rows = await this.database.query<OpenDependency & Pick<Task, 'status'>>(this.caller, {
      name: 'tasks_dependencies',
      text: `select t.id, t.status, t.state->>'title' as title
               from tasks t where t.id = any($1::text[]) order by array_position($1::text[], t.id)`,
      values: [task.depends_on],
    });
    return rows
      .map((row) => this.drafts.get(row.id) ?? row)
      .filter(({ status }) => status === 'open')
      .map(({ id, title }) => ({ id, title }));
  }

  /**
   * What is mentioned, or a refusal that points at everything unknown. A stranger's id is as unknown as one that never was.
   * No read when nothing is mentioned, one when all of it is known. A project is looked up only once what the caller did to it elsewhere is
   * here: it may have been made, moved, or closed and reopened a moment ago, and a closing that is heard of later would cancel the task.
   * What is not known of a project, its owner is asked for, whoever wrote it.
   */
  async references(mentioned: Mentioned): Promise<Known> {
    const keys = mentioned.projectId === null ? [] : [mentioned.projectId];
    if (keys.length > 0) await this.caughtUp.wait(this.caller, this.positions, { keys, everything: false });
    let known = await this.read(mentioned);
    if (keys.length > 0 && unknownIn(mentioned, known).length > 0) {
      await this.caughtUp.fetch(this.caller, keys);
      known = await this.read(mentioned);
    }
    const unknown = unknownIn(mentioned, known);
    if (unknown.length > 0) throw new RuleViolation('unknown_reference', 'The task points at what does not exist.', { errors: unknown });
    return known;
  }

  /** The project's status; null for no project. */
  async projectStatus(projectId: string | null): Promise<'active' | 'closed' | null> {
    const { project } = await this.references({ projectId, milestoneId: null, dependencies: [] });
    return project?.status ?? null;
  }

  /**
   * The cycle that these dependencies of the task would close, from the task to itself; null when there is none. What is read here can
   * change before it is written: the trigger tasks_without_cycle has the last word, and then this is asked again.
   */
  async cycle(id: TaskId, dependsOn: readonly TaskId[]): Promise<TaskId[] | null> {
    if (dependsOn.length === 0) return null;
    const drafted = [...this.drafts].map(([draft, { depends_on }]) => [draft, depends_on] as const);
    const rows = await this.database.query<{ id: TaskId; depends_on: TaskId[] }>(this.caller, {
      name: 'tasks_reached',
      text: `with recursive reached (id) as (
               select unnest($1::text[])
               union
               select d.id from reached r join tasks t on t.id = r.id cross join lateral jsonb_array_elements_text(t.state->'depends_on') as d(id)
             )
             select t.id, t.state->'depends_on' as depends_on from reached r join tasks t on t.id = r.id where t.state->'depends_on' <> '[]'`,
      values: [[...dependsOn, ...drafted.flatMap(([, dependencies]) => dependencies)]],
    });
    return cycleThrough(
      id,
      new Map([...rows.map(({ id: other, depends_on }) => [other, depends_on] as const), ...drafted, [id, dependsOn]]),
    );
  }

  private async read({ projectId, dependencies }: Mentioned): Promise<Known> {
    if (projectId === null && dependencies.length === 0) return NOTHING;
    const [known] = await this.database.query<Known & Record<string, unknown>>(this.caller, {
      name: 'tasks_references',
      text: `select (select jsonb_build_object('status', p.status, 'time_zone', p.time_zone, 'milestone_ids', p.milestone_ids)
                       from project_references p where p.project_id = $1::text and p.version > 0) as project,
                    (select coalesce(jsonb_object_agg(t.id, t.status), '{}')
                       from tasks t where t.id = any($2::text[]) and t.project_id is not distinct from $1::text) as dependencies`,
      values: [projectId, dependencies],
    });
    const { project, dependencies: stored } = known!;
    const statuses = Object.entries(stored).map(([id, status]) => [id, this.drafts.get(id as TaskId)?.status ?? status]);
    return { project, dependencies: Object.fromEntries(statuses) as Known['dependencies'] };
  }
}

interface UnknownReference {
  readonly pointer: string;
  readonly code: 'unknown_reference';
  readonly detail: string;
}

function unknownIn({ projectId, milestoneId, dependencies }: Mentioned, known: Known): UnknownReference[] {
  const unknown: UnknownReference[] = [];
  const say = (pointer: string, what: string) => unknown.push({ pointer, code: 'unknown_reference', detail: `there is no such ${what}` });
  if (projectId !== null && known.project === null) say('/project_id', 'project');
  else if (milestoneId !== null && !known.project?.milestone_ids.includes(milestoneId)) say('/milestone_id', 'milestone in this project');
  dependencies.forEach((id, index) => {
    if (!(id in known.dependencies)) say(`/depends_on/${index}`, projectId === null ? 'task outside of projects' : 'task in this project');
  });
  return unknown;
}
