import { Controller, Post } from '@nestjs/common';
import { Project } from '@works/contracts/projects';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { projectDecision, projects } from '../aggregates';
import { reopenProject, type ProjectId } from '../domain/project';
import { OpenWork } from '../read-models/open-work';

@Controller()
export class ReopenProject {
  constructor(
    private readonly store: EventStore,
    private readonly openWork: OpenWork,
  ) {}

  @Post('/projects/:id/reopen')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Reopen a project',
    description:
      'It takes changes and new tasks again. Tasks that its closing cancelled stay cancelled, and no milestone reaches by itself because of the reopening. Reopening an active project changes nothing.',
    tag: 'Projects',
    answers: { 200: Project },
  })
  reopen(@IdParam('id', 'prj') id: ProjectId, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const { caller, now } = request;
    return this.store.change(request, projects, id, async (project, loaded) => {
      const { progress } = await this.openWork.ofProject(caller, id, now);
      return projectDecision(loaded, reopenProject(project, progress, now.toISOString()), progress);
    });
  }
}
