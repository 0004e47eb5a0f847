import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { Task, TaskEventData } from '@works/contracts/tasks';
import { EventStore, record, type Cause } from '@works/platform/event-store';
import { Inbox, type Effect } from '@works/platform/reactions';
import type { TenantTransaction } from '@works/platform/tenancy';
import { milestones } from '../aggregates';
import { cancelledByClosing, type Cancellation } from '../closings';
import { reachWhenDone } from '../domain/milestone';
import { doneMilestones } from '../done-milestones';
import { InvoiceDrafter } from '../invoices/invoice-drafter';
import { noteTasks, type NotedTask } from '../project-tasks';

type TaskNews = PublicEvent<TaskEventData>;

@Controller()
export class TrackProgressWhenTasksChange {
  constructor(
    private readonly inbox: Inbox,
    private readonly store: EventStore,
    private readonly invoices: InvoiceDrafter,
  ) {}

  /** Counts the task, and when the last open one of a milestone ends or leaves it, reaches the milestone, in one transaction. */
  @EventPattern(['task.created', 'task.updated', 'task.completed', 'task.reopened', 'task.cancelled'], { batch: true, keyPrefix: 'prj_' })
  async track(@Payload() events: TaskNews[]): Promise<void> {
    // A task that stands alone is nobody's progress: its key is its own id, so the log passes over it already.
    const ofProjects = events.filter(({ project_id }) => project_id !== null);
    if (ofProjects.length === 0) return;
    const note: Effect<TaskNews> = (tx, news, causeOf) => this.note(tx, news, causeOf);
    // Of a task that is created only its newest version is kept, so hearing of it again does nothing, also without an inbox row.
    if (ofProjects.every(({ type }) => type === 'task.created')) await this.inbox.repeatable(ofProjects, note);
    else await this.inbox.batch('track-progress', ofProjects, note);
  }

  private async note(tx: TenantTransaction, news: TaskNews[], causeOf: (event: TaskNews) => Cause): Promise<void> {
    const newest = newestOfEach(news);
    const noted = await noteTasks(
      tx,
      [...newest.values()].map(({ data }) => data.task),
    );
    // What a closing cancels says nothing of work done, also when it is heard of only after the project was reopened.
    const ofClosing = await cancelledByClosing(tx, cancellationsAmong(noted, newest));
    const lastWord = new Map([
      ...milestonesLeft(news),
      ...noted.flatMap(({ task_id, milestone_id, status }): [string, TaskNews][] =>
        milestone_id === null || status === 'open' || ofClosing.has(task_id) ? [] : [[milestone_id, newest.get(task_id)!]],
      ),
    ]);
    if (lastWord.size > 0) await this.reachDone(tx, [...lastWord.keys()], (id) => causeOf(lastWord.get(id)!));
  }

  private async reachDone(tx: TenantTransaction, ids: readonly string[], causeOf: (milestoneId: string) => Cause): Promise<void> {
    const invoicing = this.invoices.draftsIn(tx.tenant);
    for (const milestone of await doneMilestones(tx, ids)) {
      const cause = causeOf(milestone.id);
      const events = reachWhenDone(milestone.state, milestone.progress, cause.now.toISOString(), invoicing);
      if (events.length > 0) await this.store.append(tx, [record(milestones, milestone, events)], cause);
    }
    if (invoicing) tx.afterCommit(() => this.invoices.wake());
  }
}

/**
 * The milestones that a task was moved out of. From every event, also one that is older than what is known of the task: it may be the only
 * one that names a milestone in between, and whatever is noted by now, the task is no longer there.
 */
const milestonesLeft = (events: readonly TaskNews[]): [milestoneId: string, TaskNews][] =>
  events.flatMap((event): [string, TaskNews][] => {
    const left = event.data.previous.milestone_id;
    return left == null ? [] : [[left, event]];
  });

const cancellationsAmong = (noted: readonly NotedTask[], newest: ReadonlyMap<string, TaskNews>): Cancellation[] =>
  noted
    .filter(({ status }) => status === 'cancelled')
    .map(({ task_id }) => ({ taskId: task_id, projectId: newest.get(task_id)!.project_id!, at: newest.get(task_id)!.timestamp }));

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
