import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { ProjectClosedData } from '@works/contracts/projects';
import { EventStore, record, type Loaded } from '@works/platform/event-store';
import { Inbox } from '@works/platform/reactions';
import type { TenantTransaction } from '@works/platform/tenancy';
import { tasks } from '../aggregate';
import { cancelTask, type OpenTask } from '../domain/task';
import { noteCancellation, noteProject } from '../project-references';

@Controller()
export class CancelTasksWhenProjectClosed {
  constructor(
    private readonly inbox: Inbox,
    private readonly store: EventStore,
  ) {}

  /**
   * Tasks that are scaffolded only after this news are cancelled by the scaffold. When the project has been reopened since, and that was
   * heard of first, it stays open: then only what was there when it closed is cancelled, as if the news had come in order.
   */
  @EventPattern('project.closed')
  cancel(@Payload() event: PublicEvent<ProjectClosedData>): Promise<void> {
    return this.inbox.once('cancel-tasks', event, async (tx, cause) => {
      const { project, open_tasks } = event.data;
      const isNews = await noteProject(tx, project);
      if (open_tasks !== 'cancel') return;
      await noteCancellation(tx, project.id, cause.now);
      const open = await openTasksOf(tx, project.id, isNews ? null : cause.now);
      const changes = open.map((task) => record(tasks, task, cancelTask(task.state, { at: cause.now.toISOString() })));
      if (changes.length > 0) await this.store.append(tx, changes, cause);
    });
  }
}

type LoadedOpenTask = Loaded<OpenTask> & { state: OpenTask };

async function openTasksOf(tx: TenantTransaction, projectId: string, madeUntil: Date | null): Promise<LoadedOpenTask[]> {
  const { rows } = await tx.query<LoadedOpenTask>({
    name: 'tasks_open_of_project',
    // Not locked: a command holds its task's newest event before its document, so locking documents first could wait in a circle with it.
    // Whoever completes one of them in between makes the append fail, and the inbox starts anew. Ordered, so that two cancellations never
    // wait for each other in a circle either.
    text: `select id, version, state from tasks
            where project_id = $1 and status = 'open' and ($2::timestamptz is null or (state->>'created_at')::timestamptz <= $2) order by id collate "C"`,
    values: [projectId, madeUntil],
  });
  return rows;
}
