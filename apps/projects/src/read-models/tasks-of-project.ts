import { Injectable } from '@nestjs/common';
import type { Task } from '@works/contracts/tasks';
import { Peers } from '@works/platform/service';
import type { ProjectId } from '../domain/project';

interface TaskPage {
  readonly data: readonly Task[];
  readonly next_cursor: string | null;
}

/** The tasks service's own documents, read from it: see docs/adr/0008. */
@Injectable()
export class TasksOfProject {
  constructor(private readonly peers: Peers) {}

  /** By milestone, those that were made first come first. `headers` are the caller's, as `@PassedOn()` gives them. */
  async byMilestone(id: ProjectId, headers: Record<string, string>): Promise<ReadonlyMap<string | null, Task[]>> {
    const newestFirst = new Map<string | null, Task[]>();
    let cursor: string | null = null;
    do {
      const rest: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: TaskPage = await this.peers.read('tasks', `/tasks?project_id=${id}&limit=100${rest}`, headers);
      for (const task of page.data) {
        const known = newestFirst.get(task.milestone_id);
        if (known) known.push(task);
        else newestFirst.set(task.milestone_id, [task]);
      }
      cursor = page.next_cursor;
    } while (cursor !== null);
    return new Map([...newestFirst].map(([milestoneId, tasks]) => [milestoneId, tasks.reverse()]));
  }
}
