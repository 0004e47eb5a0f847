import { Body, Controller, Patch } from '@nestjs/common';
import { Milestone, UpdateMilestoneBody } from '@works/contracts/milestones';
import { EventStore, type CommandRequest, type Decision, type Loaded, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { milestoneDecision, milestones } from '../aggregates';
import { updateMilestone, type Milestone as State, type MilestoneId } from '../domain/milestone';
import { moveTo } from '../domain/milestone-order';
import { InvoiceDrafter } from '../invoices/invoice-drafter';
import { byId, placed, LAST_PLACE } from '../placed-milestones';
import { MilestonesOfProject, type MilestonesInOrder } from '../read-models/milestones-of-project';
import { progressIsStill } from '../still';

@Controller()
export class UpdateMilestone {
  constructor(
    private readonly store: EventStore,
    private readonly milestones: MilestonesOfProject,
    private readonly invoices: InvoiceDrafter,
  ) {}

  @Patch('/milestones/:id')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Change or move a milestone',
    description:
      'Only what is named changes; when all of it is so already, nothing happens. A move changes the positions of the milestones in between, and each of them tells so. When a sign-off is no longer required and all tasks are done, the milestone reaches at once.',
    tag: 'Milestones',
    body: UpdateMilestoneBody,
    answers: { 200: Milestone },
    refuses: ['project_closed'],
  })
  async update(
    @IdParam('id', 'mst') id: MilestoneId,
    @Body() body: UpdateMilestoneBody,
    @Command() request: CommandRequest,
  ): Promise<RecordedAnswer> {
    const answer = await this.store.change(
      request,
      milestones,
      id,
      async (milestone, loaded) => {
        const around = await this.milestones.inOrder(request.caller, { projectId: milestone.project_id });
        return decide(milestone, loaded, body, request, { ...around, invoicing: this.invoices.draftsIn(request.caller) });
      },
      { lostRace: LAST_PLACE },
    );
    this.invoices.wake();
    return answer;
  }
}

function decide(
  milestone: State,
  loaded: Loaded<State>,
  body: UpdateMilestoneBody,
  { now }: CommandRequest,
  { inOrder, projectStatus, invoicing }: MilestonesInOrder & { invoicing: boolean },
): Decision {
  const { id } = milestone;
  const at = now.toISOString();
  const { progress, open_tasks } = inOrder.find((one) => one.id === id)!;
  const events = updateMilestone(milestone, body, { progress, open_tasks, projectStatus, invoicing, at });
  const own = milestoneDecision(loaded, events, { progress, openTasks: open_tasks });
  const places = body.position === undefined ? [] : moveTo(inOrder, id, body.position);
  const others = placed(
    places.filter((place) => place.milestone.id !== id),
    projectStatus,
    at,
  );
  const freed = events.length > 0 && body.requires_sign_off === false && milestone.requires_sign_off;
  return { ...own, changes: byId([...own.changes, ...others]), statements: freed ? progressIsStill(id, progress) : [] };
}
