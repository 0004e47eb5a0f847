import { Injectable } from '@nestjs/common';
import type { Caller } from '@works/platform/caller';
import { CaughtUp, type PositionsByService } from '@works/platform/caught-up';
import { TenantDatabase } from '@works/platform/tenancy';
import type { Task, TaskId } from '../domain/task';

/** What a new task points at. */
export interface Mentioned {
  readonly projectId: string | null;
  readonly milestoneId: string | null;
  readonly dependencies: readonly TaskId[];
}

export interface Known {
  /** Null when no project is mentioned, or this service knows of none with that id. */
  readonly project: { readonly status: 'active' | 'closed'; readonly time_zone: string; readonly milestone_ids: readonly string[] } | null;
  /** Status by id. */
  readonly dependencies: Readonly<Record<string, Task['status']>>;
}

export interface UnknownReference {
  readonly pointer: string;
  readonly code: 'unknown_reference';
  readonly detail: string;
}

const NOTHING: Known = { project: null, dependencies: {} };

/** Looks up what a new task points at. A stranger's id is as unknown as one that never was. */
@Injectable()
export class References {
  constructor(
    private readonly database: TenantDatabase,
    private readonly caughtUp: CaughtUp,
  ) {}

  /**
   * No read when nothing is mentioned, one when all of it is known. A project is looked up only once the caller's own writes elsewhere have
   * arrived here: it may have been made, moved, or closed and reopened a moment ago, and a closing that is heard of later would cancel the
   * task. For an unknown dependency it waits, and looks again.
   */
  async find(caller: Caller, mentioned: Mentioned, positions: PositionsByService): Promise<Known & { unknown: UnknownReference[] }> {
    if (mentioned.projectId !== null) await this.caughtUp.wait(positions);
    const known = await this.read(caller, mentioned);
    const unknown = unknownIn(mentioned, known);
    if (unknown.length === 0 || mentioned.projectId !== null) return { ...known, unknown };
    await this.caughtUp.wait(positions);
    const knownNow = await this.read(caller, mentioned);
    return { ...knownNow, unknown: unknownIn(mentioned, knownNow) };
  }

  private async read(caller: Caller, { projectId, dependencies }: Mentioned): Promise<Known> {
    if (projectId === null && dependencies.length === 0) return NOTHING;
    const [known] = await this.database.query<Known & Record<string, unknown>>(caller, {
      name: 'tasks_references',
      text: `select (select jsonb_build_object('status', p.status, 'time_zone', p.time_zone, 'milestone_ids', p.milestone_ids)
                       from project_references p where p.project_id = $1 and p.version > 0) as project,
                    (select coalesce(jsonb_object_agg(t.id, t.status), '{}') from tasks t where t.id = any($2::text[])) as dependencies`,
      values: [projectId, dependencies],
    });
    return known!;
  }
}

function unknownIn({ projectId, milestoneId, dependencies }: Mentioned, known: Known): UnknownReference[] {
  const unknown: UnknownReference[] = [];
  const say = (pointer: string, what: string) => unknown.push({ pointer, code: 'unknown_reference', detail: `there is no such ${what}` });
  if (projectId !== null && known.project === null) say('/project_id', 'project');
  else if (milestoneId !== null && !known.project?.milestone_ids.includes(milestoneId)) say('/milestone_id', 'milestone in this project');
  dependencies.forEach((id, index) => {
    if (!(id in known.dependencies)) say(`/depends_on/${index}`, 'task');
  });
  return unknown;
}
