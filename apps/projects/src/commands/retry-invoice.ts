import { Controller, Post } from '@nestjs/common';
import { Milestone } from '@works/contracts/milestones';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { milestoneDecision, milestones } from '../aggregates';
import { requestInvoice } from '../domain/invoicing';
import type { MilestoneId } from '../domain/milestone';
import { InvoiceDrafter } from '../invoices/invoice-drafter';
import { OpenWork } from '../read-models/open-work';

@Controller()
export class RetryInvoice {
  constructor(
    private readonly store: EventStore,
    private readonly openWork: OpenWork,
    private readonly invoices: InvoiceDrafter,
  ) {}

  @Post('/milestones/:id/invoice/retry')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Retry the invoice of a milestone',
    description:
      "Asks SK Billing again, at once, for an invoice that has failed; with the project's contact as it is now. Of a milestone that was reached while SK Billing was not connected it asks for the first time. Where the invoice is pending or drafted nothing changes. Also possible when the project is closed.",
    tag: 'Milestones',
    answers: { 200: Milestone },
    refuses: ['no_invoice', 'billing_not_configured'],
  })
  async retry(@IdParam('id', 'mst') id: MilestoneId, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const { caller, now } = request;
    const answer = await this.store.change(request, milestones, id, async (milestone, loaded) => {
      const { progress, open_tasks } = await this.openWork.ofMilestone(caller, id);
      const invoicing = this.invoices.draftsIn(caller);
      const events = requestInvoice(milestone, { invoicing, progress, open_tasks, at: now.toISOString() });
      return milestoneDecision(loaded, events, { progress, openTasks: open_tasks });
    });
    this.invoices.wake();
    return answer;
  }
}
