import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { ProjectReopenedData, ProjectUpdatedData } from '@works/contracts/projects';
import { Inbox } from '@works/platform/reactions';
import { noteProject } from '../project-references';

@Controller()
export class TakeTasksAgainWhenProjectReopened {
  constructor(private readonly inbox: Inbox) {}

  /** New tasks are allowed again; tasks that the closing cancelled stay cancelled. A changed time zone is for new tasks, too. */
  @EventPattern(['project.reopened', 'project.updated'])
  note(@Payload() event: PublicEvent<ProjectReopenedData | ProjectUpdatedData>): Promise<void> {
    return this.inbox.once('note-project', event, async (tx) => void (await noteProject(tx, event.data.project)));
  }
}
