import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { ProjectCreatedData } from '@works/contracts/projects';
import type { Task as PlannedTask } from '@works/contracts/tasks';
import { EventStore, fresh, record } from '@works/platform/event-store';
import { Inbox } from '@works/platform/reactions';
import { tasks } from '../aggregate';
import { createTask, type Plan, type UserId } from '../domain/task';
import { overdueAt } from '../due';
import { ProjectReferences } from './project-references';

/** Makes exactly the tasks that the answer to `POST /projects` has already shown, ids included: once, however often the event comes. */
@Controller()
export class ScaffoldTasksWhenProjectCreated {
  constructor(
    private readonly inbox: Inbox,
    private readonly store: EventStore,
  ) {}

  @EventPattern('project.created')
  scaffold(@Payload() event: PublicEvent<ProjectCreatedData>): Promise<void> {
    return this.inbox.once('scaffold-tasks', event, async (tx, cause) => {
    });
  }
}
