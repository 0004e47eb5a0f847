import { Body, Controller, Post } from '@nestjs/common';
import { CloseProjectBody, Project } from '@works/contracts/projects';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { projectDecision, projects } from '../aggregates';
import { closeProject, type ProjectId } from '../domain/project';
import { OpenWork } from '../read-models/open-work';
import { milestonesAreStill } from '../still';

@Controller()
export class CloseProject {
  constructor(
    private readonly store: EventStore,
    private readonly openWork: OpenWork,
  ) {}

  @Post('/projects/:id/close')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Close a project',
    description:
      'As delivered, once its tasks are done and its milestones reached, or as cancelled. `open_tasks: "cancel"` closes it over open work, and cancels its open tasks. Closing it again in the same way changes nothing.',
    tag: 'Projects',
    body: CloseProjectBody,
    example: { outcome: 'delivered', open_tasks: 'cancel' },
    answers: { 200: Project },
    refuses: ['project_has_open_work', 'project_closed'],
  })
  close(@IdParam('id', 'prj') id: ProjectId, @Body() body: CloseProjectBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const { caller, now } = request;
    const openTasks = body.open_tasks ?? (body.outcome === 'cancelled' ? 'cancel' : 'refuse');
    return this.store.change(request, projects, id, async (project, loaded) => {
      const { openWork, progress, milestoneVersions } = await this.openWork.ofProject(caller, id, now);
      const events = closeProject(project, { outcome: body.outcome, openTasks, openWork, progress, at: now.toISOString() });
      const statements = events.length > 0 ? [milestonesAreStill(id, milestoneVersions)] : [];
      return { ...projectDecision(loaded, events, progress), statements };
    });
  }
}
