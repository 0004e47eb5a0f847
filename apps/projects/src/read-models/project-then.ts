import { Injectable } from '@nestjs/common';
import type { Milestone as MilestoneResource } from '@works/contracts/milestones';
import type { Project as ProjectResource } from '@works/contracts/projects';
import type { Caller } from '@works/platform/caller';
import type { DomainEvent } from '@works/platform/decider';
import { readEvent, type Aggregate } from '@works/platform/event-store';
import { TenantDatabase } from '@works/platform/tenancy';
import { milestones, projects } from '../aggregates';
import type { Milestone } from '../domain/milestone';
import type { ProjectId } from '../domain/project';
import { OPEN_TASKS_SHOWN_MAX } from './milestone-rows';
import { presentMilestone } from './present-milestone';
import { presentProject } from './present-project';

interface StoredEvent extends DomainEvent {
  readonly stream_id: string;
  readonly version: number;
}
interface TaskThen {
  readonly id: `tsk_${string}`;
  readonly title: string;
  readonly milestone_id: string | null;
  readonly status: 'open' | 'completed' | 'cancelled';
  readonly overdue: boolean;
}
interface Folded<State> {
  readonly state: State;
  readonly version: number;
}

/** A project as it was at an instant: folded from its events and its milestones', and counted from when its tasks were made and ended. */
@Injectable()
export class ProjectThen {
  constructor(private readonly database: TenantDatabase) {}

  /** Null when there was none yet, or none of the caller's. */
  async of(caller: Caller, id: ProjectId, at: Date): Promise<{ project: ProjectResource; milestones: MilestoneResource[] } | null> {
    const events = await this.events(caller, id, at);
    const project = folded(projects, events.get(id) ?? []);
    if (project === null) return null;
    events.delete(id);
    const gates = [...events.values()].flatMap((history) => folded(milestones, history) ?? []);
    const tasks = await this.tasks(caller, id, at);
    return {
      project: presentProject(project.state, project.version, progressOf(gates, tasks)),
      milestones: gates.sort((a, b) => a.state.position - b.state.position).map((gate) => milestoneThen(gate, tasks)),
    };
  }

  private async events(caller: Caller, id: ProjectId, at: Date): Promise<Map<string, StoredEvent[]>> {
    const rows = await this.database.query<StoredEvent & Record<string, unknown>>(caller, {
      name: 'projects_history',
      // The plan is told and not kept; it is most of the bytes.
      text: `select e.stream_id, e.version, e.type, e.data - 'plan' as data from events e
              where e.stream_id in (select $1::text union all select m.id from milestones m where m.project_id = $1) and e.occurred_at <= $2
              order by e.version`,
      values: [id, at],
    });
    const streams = new Map<string, StoredEvent[]>();
    for (const row of rows) {
      const known = streams.get(row.stream_id);
      if (known) known.push(row);
      else streams.set(row.stream_id, [row]);
    }
    return streams;
  }

  private tasks(caller: Caller, id: ProjectId, at: Date): Promise<TaskThen[]> {
    return this.database.query<TaskThen & Record<string, unknown>>(caller, {
      name: 'projects_tasks_then',
      text: `select t.task_id as id, t.title, t.milestone_id, case when t.ended_at > $2 then 'open' else t.status end as status,
                    coalesce(t.overdue_at <= $2, false) as overdue
               from project_tasks t where t.project_id = $1 and t.created_at <= $2 order by t.task_id collate "C"`,
      values: [id, at],
    });
  }
}

/** Clocks of several machines can be apart: an event that is timed before its predecessor had not happened while that had not. */
function folded<State, Event extends DomainEvent>(
  aggregate: Aggregate<State, Event>,
  history: readonly StoredEvent[],
): Folded<State> | null {
  const gap = history.findIndex(({ version }, index) => version !== index + 1);
  const happened = gap === -1 ? history : history.slice(0, gap);
  const state = happened.reduce<State | null>((before, event) => aggregate.evolve(before, readEvent(aggregate, event)), null);
  return state === null ? null : { state, version: happened.length };
}

const count = (tasks: readonly TaskThen[]) => ({
  tasks: tasks.filter(({ status }) => status !== 'cancelled').length,
  tasks_completed: tasks.filter(({ status }) => status === 'completed').length,
});

const progressOf = (gates: readonly Folded<Milestone>[], tasks: readonly TaskThen[]) => ({
  milestones: gates.length,
  milestones_reached: gates.filter(({ state }) => state.status === 'reached').length,
  ...count(tasks),
  tasks_overdue: tasks.filter(({ status, overdue }) => status === 'open' && overdue).length,
});

function milestoneThen({ state, version }: Folded<Milestone>, tasks: readonly TaskThen[]): MilestoneResource {
  const own = tasks.filter(({ milestone_id }) => milestone_id === state.id);
  const openTasks = own.filter(({ status }) => status === 'open').slice(0, OPEN_TASKS_SHOWN_MAX);
  return presentMilestone(state, version, { progress: count(own), openTasks });
}
