import { Body, Controller, Post } from '@nestjs/common';
import { CloseProjectBody, Project as ProjectResource } from '@works/contracts/projects';
import { EventStore, record, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { projects } from '../aggregates';
import { closeProject } from '../domain/project';
import { presentProject } from '../read-models/present';
import { Standing } from '../read-models/standing';

@Controller()
export class CloseProject {
  constructor(
    private readonly store: EventStore,
    private readonly standing: Standing,
  ) {}

  @Post('/projects/:id/close')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Close a project',
    description: 'As delivered, which refuses while work is open unless `open_tasks` is `cancel`; or as cancelled, which cancels what is open.',
    tag: 'Projects',
    body: CloseProjectBody,
    answers: { 200: ProjectResource },
    refuses: ['project_closed', 'project_has_open_work'],
  })
  close(@IdParam('id', 'prj') id: string, @Body() body: CloseProjectBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.store.change(request, projects, id, async (project, loaded) => {
      const { progress, openWork } = await this.standing.ofProject(request.caller, id);
      const openTasks = body.open_tasks ?? (body.outcome === 'cancelled' ? 'cancel' : 'refuse');
      const events = closeProject(project, { outcome: body.outcome, openTasks, openWork, progress, at: request.now.toISOString() });
      const changes = events.length > 0 ? [record(projects, loaded, events)] : [];
      const version = loaded.version + events.length;
      return { changes, answer: { status: 200, body: presentProject(changes[0]?.after ?? project, version, progress), version } };
    });
  }
}
