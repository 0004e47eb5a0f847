import { Controller, Post } from '@nestjs/common';
import { Milestone } from '@works/contracts/milestones';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { milestoneDecision, milestones } from '../aggregates';
import { reopenMilestone, type MilestoneId } from '../domain/milestone';
import { OpenWork } from '../read-models/open-work';

@Controller()
export class ReopenMilestone {
  constructor(
    private readonly store: EventStore,
    private readonly openWork: OpenWork,
  ) {}

  @Post('/milestones/:id/reopen')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Reopen a milestone',
    description:
      'It was reached too early, and is pending again. `milestone.reopened` says so, for whatever followed from reaching it; its invoice is void, and a draft in SK Billing is to be undone there. It reaches anew with the next last task of it that ends, or by `reach`. Reopening a pending milestone changes nothing.',
    tag: 'Milestones',
    answers: { 200: Milestone },
    refuses: ['project_closed'],
  })
  reopen(@IdParam('id', 'mst') id: MilestoneId, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const { caller, now } = request;
    return this.store.change(request, milestones, id, async (milestone, loaded) => {
      const { progress, open_tasks, project_status: projectStatus } = await this.openWork.ofMilestone(caller, id);
      const events = reopenMilestone(milestone, { progress, open_tasks, projectStatus, at: now.toISOString() });
      return milestoneDecision(loaded, events, { progress, openTasks: open_tasks });
    });
  }
}
