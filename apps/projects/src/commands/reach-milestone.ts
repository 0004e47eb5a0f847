import { Body, Controller, Post } from '@nestjs/common';
import { Milestone as MilestoneResource, ReachMilestoneBody } from '@works/contracts/milestones';
import { EventStore, record, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { milestones } from '../aggregates';
import { reachMilestone } from '../domain/milestone';
import { presentMilestone } from '../read-models/present';
import { Standing } from '../read-models/standing';

@Controller()
export class ReachMilestone {
  constructor(
    private readonly store: EventStore,
    private readonly standing: Standing,
  ) {}

  @Post('/milestones/:id/reach')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Reach a milestone',
    description: 'The sign-off where one is required; elsewhere a milestone reaches by itself with its last task. Refused, naming them, while tasks are open.',
    tag: 'Milestones',
    body: ReachMilestoneBody,
    answers: { 200: MilestoneResource },
    refuses: ['milestone_blocked', 'project_closed'],
  })
  reach(@IdParam('id', 'mst') id: string, @Body() body: ReachMilestoneBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.store.change(request, milestones, id, async (milestone, loaded) => {
      const { progress, openTasks, projectStatus } = await this.standing.ofMilestone(request.caller, milestone);
      const events = reachMilestone(milestone, {
        by: request.caller.actor,
        note: body.note ?? null,
        ...{ openTasks, progress, projectStatus },
        at: request.now.toISOString(),
      });
      const changes = events.length > 0 ? [record(milestones, loaded, events)] : [];
      const version = loaded.version + events.length;
      return { changes, answer: { status: 200, body: presentMilestone(changes[0]?.after ?? milestone, version, progress, openTasks), version } };
    });
  }
}
