import { Body, Controller, Post } from '@nestjs/common';
import { CreateMilestoneBody, Milestone } from '@works/contracts/milestones';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, fresh, record, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { milestones, projects } from '../aggregates';
import { addMilestoneLater, type Gate } from '../domain/milestone';
import { makeRoomAt } from '../domain/milestone-order';
import type { ProjectId } from '../domain/project';
import { byId, placed, LAST_PLACE } from '../placed-milestones';
import { MilestonesOfProject, type MilestonesInOrder } from '../read-models/milestones-of-project';
import { presentMilestone } from '../read-models/present-milestone';

/** More than any template plans; a page that shows them all still fits into one answer. */
const MILESTONES_MAX = 1_000;

@Controller()
export class AddMilestone {
  constructor(
    private readonly store: EventStore,
    private readonly milestones: MilestonesOfProject,
  ) {}

  @Post('/projects/:id/milestones')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Add a milestone',
    description: 'At the end of the project, or at a place between the others, which then make room. `If-Match` is about the project.',
    tag: 'Milestones',
    body: CreateMilestoneBody,
    example: { name: 'Snagging', due_on: '2027-02-01', requires_sign_off: true },
    answers: { 201: Milestone },
    refuses: ['project_closed', 'too_many_milestones'],
  })
  add(
    @IdParam('id', 'prj') projectId: ProjectId,
    @Body() body: CreateMilestoneBody,
    @Command() request: CommandRequest,
  ): Promise<RecordedAnswer> {
    return this.store.change(
      request,
      projects,
      projectId,
      async () => decide(projectId, body, request, await this.milestones.inOrder(request.caller, { projectId })),
      { lostRace: LAST_PLACE },
    );
  }
}

function decide(projectId: ProjectId, body: CreateMilestoneBody, { now }: CommandRequest, around: MilestonesInOrder): Decision {
  const { inOrder, projectStatus } = around;
  const at = now.toISOString();
  const gate: Gate = {
    id: newId('mst'),
    project_id: projectId,
    key: body.key ?? null,
    name: body.name,
    position: body.position ?? inOrder.length + 1,
    due_on: body.due_on ?? null,
    requires_sign_off: body.requires_sign_off ?? false,
    billing: body.billing ?? null,
  };
  const added = record(milestones, fresh(gate.id), addMilestoneLater(gate, projectStatus, at));
  refuseWhenFull(inOrder.length);
  refuseKeyInUse(gate.key, inOrder);
  const room = placed(makeRoomAt(inOrder, gate.position), projectStatus, at);
  const seen = { progress: { tasks: 0, tasks_completed: 0 }, openTasks: [] };
  return {
    changes: byId([added, ...room]),
    answer: { status: 201, body: presentMilestone(added.after, 1, seen), version: 1, location: `/milestones/${gate.id}` },
  };
}

function refuseWhenFull(count: number): void {
  if (count >= MILESTONES_MAX)
    throw new RuleViolation('too_many_milestones', `A project can have ${MILESTONES_MAX} milestones; this one has.`);
}

function refuseKeyInUse(key: string | null, inOrder: MilestonesInOrder['inOrder']): void {
  if (key === null || inOrder.every(({ state }) => state.key !== key)) return;
  const errors = [{ pointer: '/key', code: 'duplicate', detail: 'is the key of another milestone of the project' }];
  throw new RuleViolation('validation_failed', '1 field is invalid.', { errors });
}
