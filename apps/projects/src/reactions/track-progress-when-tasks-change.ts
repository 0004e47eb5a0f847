import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { TaskEventData } from '@works/contracts/tasks';
import { endOfDay } from '@works/platform/calendar';
import { EventStore, record, type Cause } from '@works/platform/event-store';
import { Inbox } from '@works/platform/reactions';
import type { TenantTransaction } from '@works/platform/tenancy';
import { milestones } from '../aggregates';
import { reachWhenDone } from '../domain/milestone';
import { standingOf } from '../read-models/standing';

type TaskEvent = PublicEvent<TaskEventData>;

@Controller()
export class TrackProgressWhenTasksChange {
  constructor(
    private readonly inbox: Inbox,
    private readonly store: EventStore,
  ) {}

  /** Keeps what is known of tasks, and in the same transaction lets the milestones reach whose last open task this was. */
  @EventPattern(['task.created', 'task.completed', 'task.cancelled'], { batch: true })
  track(@Payload() events: TaskEvent[]): Promise<void> {
    return this.inbox.batch('track-progress', events, async (tx, fresh, causeOf) => {
      const newest = newestOfEach(fresh);
      const touched = await rememberTasks(tx, newest);
      // In one order for everybody, or two batches could wait for each other's milestones in a circle.
      for (const milestoneId of [...touched].sort()) {
        const last = newest.findLast(({ data }) => data.task.milestone_id === milestoneId)!;
        await this.reachIfDone(tx, milestoneId, causeOf(last));
      }
    });
  }

  private async reachIfDone(tx: TenantTransaction, milestoneId: string, cause: Cause): Promise<void> {
    // Batches of the same milestone take turns, so that the second counts what the first has written.
    const loaded = await this.store.load(tx, milestones, milestoneId, { forUpdate: true });
    if (loaded.state === null) return;
    const { progress, projectStatus } = await standingOf(tx, loaded.state);
    // Closing a project cancels its open tasks; what is left completed then says nothing of the phase.
    if (projectStatus === 'closed') return;
    const events = reachWhenDone(loaded.state, progress, cause.now.toISOString());
    if (events.length > 0) await this.store.append(tx, [record(milestones, loaded, events)], cause);
  }
}

/** Of several events about one task only the newest matters; a statement can also write a row only once. */
function newestOfEach(events: readonly TaskEvent[]): TaskEvent[] {
  const newest = new Map<string, TaskEvent>();
  for (const event of events) {
    const { task } = event.data;
    if (task.project_id !== null && task.version > (newest.get(task.id)?.data.task.version ?? 0)) newest.set(task.id, event);
  }
  return [...newest.values()].sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

/** Ignores older news and tasks of projects that are not ours. Resolves with the milestones whose progress may have changed. */
async function rememberTasks(tx: TenantTransaction, events: readonly TaskEvent[]): Promise<Set<string>> {
  const tasks = events.map(({ data }) => data.task);
  const { rows } = await tx.query<{ milestone_id: string | null }>({
    name: 'projects_remember_tasks',
    text: `insert into project_tasks as known (task_id, organization_id, livemode, project_id, milestone_id, title, status, version, overdue_at)
             select t.id, $1, $2, t.project_id, t.milestone_id, t.title, t.status, t.version, t.overdue_at
               from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::timestamptz[])
                    as t(id, project_id, milestone_id, title, status, version, overdue_at)
              where exists (select from projects p where p.id = t.project_id)
           on conflict (task_id) do update
             set milestone_id = excluded.milestone_id, title = excluded.title, status = excluded.status, version = excluded.version, overdue_at = excluded.overdue_at
             where known.version < excluded.version
           returning milestone_id`,
    values: [
      ...[tx.tenant.organizationId, tx.tenant.livemode],
      tasks.map((task) => task.id),
      tasks.map((task) => task.project_id),
      tasks.map((task) => task.milestone_id),
      tasks.map((task) => task.title),
      tasks.map((task) => task.status),
      tasks.map((task) => task.version),
      tasks.map((task) => task.due_at ?? (task.due_on === null ? null : endOfDay(task.due_on, task.time_zone))),
    ],
  });
  return new Set(rows.flatMap(({ milestone_id }) => milestone_id ?? []));
}
