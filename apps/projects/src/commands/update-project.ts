import { Body, Controller, Patch } from '@nestjs/common';
import { Project, UpdateProjectBody } from '@works/contracts/projects';
import { timeZoneNamed } from '@works/platform/calendar';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { projectDecision, projects } from '../aggregates';
import { updateProject, type ProjectId, type Revision } from '../domain/project';
import { OpenWork } from '../read-models/open-work';
import { ProjectReferences } from '../read-models/project-references';

@Controller()
export class UpdateProject {
  constructor(
    private readonly store: EventStore,
    private readonly openWork: OpenWork,
    private readonly references: ProjectReferences,
  ) {}

  @Patch('/projects/:id')
  @RequireScope('projects:write')
  @Operation({
    summary: 'Change a project',
    description: 'Only what is named changes; when all of it is so already, nothing happens. A closed project stays as it is.',
    tag: 'Projects',
    body: UpdateProjectBody,
    example: { name: 'Site fit-out, second floor', metadata: { purchase_order: '4711' } },
    answers: { 200: Project },
    refuses: ['reference_taken', 'project_closed'],
  })
  update(
    @IdParam('id', 'prj') id: ProjectId,
    @Body() body: UpdateProjectBody,
    @Command() request: CommandRequest,
  ): Promise<RecordedAnswer> {
    const { caller, now } = request;
    return this.store.change(
      request,
      projects,
      id,
      async (project, loaded) => {
        const { progress } = await this.openWork.ofProject(caller, id, now);
        return projectDecision(loaded, updateProject(project, revisionOf(body), progress, now.toISOString()), progress);
      },
      { refusal: (constraint) => (constraint === 'projects_reference' ? this.references.refusal(caller, body.reference!) : null) },
    );
  }
}

const revisionOf = ({ time_zone, ...body }: UpdateProjectBody): Revision =>
  ({ ...body, ...(time_zone !== undefined && { time_zone: timeZoneNamed(time_zone) }) }) as Revision;
