import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { Task, TaskEventData } from '@works/contracts/tasks';
import { EventStore, record, type Cause } from '@works/platform/event-store';
import { Inbox } from '@works/platform/reactions';
import type { TenantTransaction } from '@works/platform/tenancy';
import { milestones } from '../aggregates';
import { reachWhenDone } from '../domain/milestone';
import { doneMilestones } from '../done-milestones';
import { noteTasks } from '../project-tasks';

type TaskNews = PublicEvent<TaskEventData>;

@Controller()
export class TrackProgressWhenTasksChange {
  constructor(
    private readonly inbox: Inbox,
    private readonly store: EventStore,
  ) {}

  /** Counts the task, and with the last one of a milestone reaches the milestone, in one transaction. */
  @EventPattern(['task.created', 'task.completed', 'task.cancelled'], { batch: true })
  async track(@Payload() events: TaskNews[]): Promise<void> {
    // A task that stands alone is nobody's progress.
    const ofProjects = events.filter(({ project_id }) => project_id !== null);
    if (ofProjects.length === 0) return;
    // Repeated news of a task is not newer than what is known of it, so it has no effect again.
    await this.inbox.repeatable(ofProjects, async (tx, own, causeOf) => {
      const newest = newestOfEach(own);
      const noted = await noteTasks(
        tx,
        [...newest.values()].map(({ data }) => data.task),
      );
      const lastWord = new Map(
        noted.flatMap(({ task_id, milestone_id, status }) =>
          milestone_id === null || status === 'open' ? [] : [[milestone_id, newest.get(task_id)!]],
        ),
      );
      if (lastWord.size > 0) await this.reachDone(tx, [...lastWord.keys()], (id) => causeOf(lastWord.get(id)!));
    });
  }

  private async reachDone(tx: TenantTransaction, ids: readonly string[], causeOf: (milestoneId: string) => Cause): Promise<void> {
    for (const milestone of await doneMilestones(tx, ids)) {
      const cause = causeOf(milestone.id);
      const events = reachWhenDone(milestone.state, milestone.progress, cause.now.toISOString());
      if (events.length > 0) await this.store.append(tx, [record(milestones, milestone, events)], cause);
    }
  }
}

/** A batch can hold several events of one task, in any order across topics. */
function newestOfEach(events: readonly TaskNews[]): Map<Task['id'], TaskNews> {
  const newest = new Map<Task['id'], TaskNews>();
  for (const event of events) {
    const { id, version } = event.data.task;
    const known = newest.get(id);
    if (known === undefined || known.data.task.version < version) newest.set(id, event);
  }
  return newest;
}
