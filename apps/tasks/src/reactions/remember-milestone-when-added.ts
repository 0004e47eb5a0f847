import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { MilestoneAddedData } from '@works/contracts/milestones';
import { Inbox } from '@works/platform/reactions';
import { rememberMilestone } from '../project-references';

@Controller()
export class RememberMilestoneWhenAdded {
  constructor(private readonly inbox: Inbox) {}

  /** From now on tasks may be put into it. */
  @EventPattern('milestone.added')
  remember(@Payload() event: PublicEvent<MilestoneAddedData>): Promise<void> {
    return this.inbox.once('remember-milestone', event, (tx) => rememberMilestone(tx, event.data.milestone));
  }
}
