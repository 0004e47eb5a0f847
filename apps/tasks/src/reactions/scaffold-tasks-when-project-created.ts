import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { ProjectCreatedData, TaskPlan } from '@works/contracts/projects';
import { EventStore, fresh, record } from '@works/platform/event-store';
import { Inbox } from '@works/platform/reactions';
import { tasks } from '../aggregate';
import { cancelTask, createTask, type Plan, type UserId } from '../domain/task';
import { overdueAt } from '../due';
import { rememberProject } from '../project-references';

@Controller()
export class ScaffoldTasksWhenProjectCreated {
  constructor(
    private readonly inbox: Inbox,
    private readonly store: EventStore,
  ) {}

  /** Makes exactly the tasks that the answer to `POST /projects` has shown, ids included: once, however often the event comes. */
  @EventPattern('project.created')
  scaffold(@Payload() event: PublicEvent<ProjectCreatedData>): Promise<void> {
    return this.inbox.once('scaffold-tasks', event, async (tx, cause) => {
      const { project } = event.data;
      const cancelledAt = await rememberProject(tx, project);
      const created = project.milestones.flatMap(({ id, tasks: planned }) => planned.map((task) => scaffolded(task, id, project)));
      if (created.length === 0) return;
      await this.store.append(tx, created, cause);
      if (cancelledAt === null) return;
      const cancelled = created.map(({ id, after, events }) =>
        record(tasks, { id, state: after, version: events.length }, cancelTask(after, { at: cancelledAt.toISOString() })),
      );
      await this.store.append(tx, cancelled, { ...cause, now: cancelledAt });
    });
  }
}

function scaffolded(planned: TaskPlan, milestoneId: string, project: ProjectCreatedData['project']) {
  // What a scaffolded task depends on is scaffolded with it, so it is open.
  const seen = { at: project.created_at, blocked: planned.depends_on.length > 0 };
  return record(tasks, fresh(planned.id), createTask(planOf(planned, milestoneId, project), planned.assignee_id as UserId | null, seen));
}

function planOf(planned: TaskPlan, milestoneId: string, project: ProjectCreatedData['project']): Plan {
  const { id, key, title, description, priority, due_on, checklist, depends_on } = planned;
  const due = { due_on, due_at: null, time_zone: project.time_zone };
  return {
    id,
    project_id: project.id,
    milestone_id: milestoneId,
    key,
    title,
    description,
    priority,
    ...due,
    overdue_at: overdueAt(due),
    checklist: checklist.map((item) => ({ ...item, done: false })),
    depends_on,
    metadata: {},
  } as Plan;
}
