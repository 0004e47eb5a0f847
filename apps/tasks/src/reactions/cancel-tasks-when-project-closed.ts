import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { ProjectClosedData } from '@works/contracts/projects';
import { EventStore, record, type Loaded } from '@works/platform/event-store';
import { Inbox } from '@works/platform/reactions';
import type { TenantTransaction } from '@works/platform/tenancy';
import { tasks } from '../aggregate';
import { cancelTask, type OpenTask } from '../domain/task';
import { closeProject } from '../project-references';

@Controller()
export class CancelTasksWhenProjectClosed {
  constructor(
    private readonly inbox: Inbox,
    private readonly store: EventStore,
  ) {}

  /** Tasks that are scaffolded only after this news are cancelled by the scaffold. */
  @EventPattern('project.closed')
  cancel(@Payload() event: PublicEvent<ProjectClosedData>): Promise<void> {
    return this.inbox.once('cancel-tasks', event, async (tx, cause) => {
      const { project, open_tasks } = event.data;
      const cancels = open_tasks === 'cancel';
      const isNews = await closeProject(tx, project, cancels ? cause.now : null);
      if (!isNews || !cancels) return;
      const open = await openTasksOf(tx, project.id);
      const changes = open.map((task) => record(tasks, task, cancelTask(task.state, { at: cause.now.toISOString() })));
      if (changes.length > 0) await this.store.append(tx, changes, cause);
    });
  }
}

type LoadedOpenTask = Loaded<OpenTask> & { state: OpenTask };

async function openTasksOf(tx: TenantTransaction, projectId: string): Promise<LoadedOpenTask[]> {
  const { rows } = await tx.query<LoadedOpenTask>({
    name: 'tasks_open_of_project',
    // Not locked: a command holds its task's newest event before its document, so locking documents first could wait in a circle with it.
    // Whoever completes one of them in between makes the append fail, and the inbox starts anew. Ordered, so that two cancellations never
    // wait for each other in a circle either.
    text: `select id, version, state from tasks where project_id = $1 and status = 'open' order by id`,
    values: [projectId],
  });
  return rows;
}
