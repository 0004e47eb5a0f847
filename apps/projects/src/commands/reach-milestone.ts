import { Body, Controller, Post } from '@nestjs/common';
import { Milestone, ReachMilestoneBody } from '@works/contracts/milestones';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { milestoneDecision, milestones } from '../aggregates';
import { reachMilestone, type MilestoneId } from '../domain/milestone';
import { InvoiceDrafter } from '../invoices/invoice-drafter';
import { OpenWork } from '../read-models/open-work';

@Controller()
export class ReachMilestone {
  constructor(
    private readonly store: EventStore,
    private readonly openWork: OpenWork,
    private readonly invoices: InvoiceDrafter,
  ) {}

  @Post('/milestones/:id/reach')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Reach a milestone',
    description:
      'Declares the phase done, and signs it off where that is required. Refused while a task of it is open. A milestone without a required sign-off also reaches by itself, with its last task. Where it has `billing` and SK Billing is connected, reaching it asks for an invoice. Reaching a reached milestone changes nothing.',
    tag: 'Milestones',
    body: ReachMilestoneBody,
    answers: { 200: Milestone },
    refuses: ['milestone_blocked', 'project_closed'],
  })
  async reach(
    @IdParam('id', 'mst') id: MilestoneId,
    @Body() body: ReachMilestoneBody,
    @Command() request: CommandRequest,
  ): Promise<RecordedAnswer> {
    const { caller, now } = request;
    const answer = await this.store.change(request, milestones, id, async (milestone, loaded) => {
      const { progress, open_tasks: openTasks, project_status: projectStatus } = await this.openWork.ofMilestone(caller, id);
      const word = { by: caller.actor, note: body.note ?? null, at: now.toISOString() };
      const events = reachMilestone(milestone, { ...word, openTasks, progress, projectStatus, invoicing: this.invoices.draftsIn(caller) });
      return milestoneDecision(loaded, events, { progress, openTasks });
    });
    this.invoices.wake();
    return answer;
  }
}
