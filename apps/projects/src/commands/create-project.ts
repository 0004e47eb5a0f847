import { Body, Controller, Post, Query } from '@nestjs/common';
import { CreateProjectBody, CreateProjectQuery, PlannedProject, ProjectPreview } from '@works/contracts/projects';
import { WithoutCatchingUp } from '@works/platform/caught-up';
import { EventStore, fresh, record, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, invalid, json, Operation, RequireScope } from '@works/platform/http';
import { milestones, projects } from '../aggregates';
import { addMilestone } from '../domain/milestone';
import { createProject } from '../domain/project';
import { gateOf } from '../domain/scaffold';
import type { Template } from '../domain/template';
import { contradictionsIn, openingOf } from '../new-project';
import { rememberPlannedTasks } from '../project-tasks';
import { presentPlannedProject } from '../read-models/present-plan';
import { ProjectReferences, referenceTaken } from '../read-models/project-references';
import { Templates } from '../templates/templates';

@Controller()
export class CreateProject {
  constructor(
    private readonly store: EventStore,
    private readonly references: ProjectReferences,
    private readonly templates: Templates,
  ) {}

  @Post('/projects')
  @RequireScope('projects:write')
  @WithoutCatchingUp()
  @Operation({
    summary: 'Open a project',
    description:
      'With a template the whole delivery is planned at once: the answer holds its milestones and tasks, ids included. `dry_run` answers the same plan and writes nothing: its ids are not reserved.',
    tag: 'Projects',
    body: CreateProjectBody,
    example: {
      deal_id: 'dl_01J9XW5T9ZQ0V7C2N4R8B6M3KD',
      name: 'Site fit-out',
      owner_id: 'usr_01J9XW5T9ZQ0V7C2N4R8B6M3KE',
      template: 'fitout_v2',
    },
    query: CreateProjectQuery,
    answers: { 200: ProjectPreview, 201: PlannedProject },
    refuses: ['template_not_found', 'role_missing', 'reference_taken', 'event_too_large'],
  })
  async create(
    @Body() body: CreateProjectBody,
    @Query() query: CreateProjectQuery,
    @Command() request: CommandRequest,
  ): Promise<RecordedAnswer> {
    const errors = contradictionsIn(body);
    if (errors.length > 0) throw invalid(errors);
    if (query.dry_run) return this.preview(body, request);
    return this.store.create(request, () => this.decide(body, request), {
      refusal: (constraint) => (constraint === 'projects_reference' ? this.references.refusal(request.caller, body.reference!) : null),
    });
  }

  private async preview(body: CreateProjectBody, request: CommandRequest): Promise<RecordedAnswer> {
    const { answer } = await this.decide(body, request);
    const holder = body.reference == null ? null : await this.references.find(request.caller, body.reference);
    if (holder !== null) throw referenceTaken(holder);
    return json(JSON.stringify({ ...(answer.body as PlannedProject), dry_run: true } satisfies ProjectPreview));
  }

  private async decide(body: CreateProjectBody, request: CommandRequest): Promise<Decision> {
    const template =
      body.template == null ? null : await this.templates.mustFind(request.caller, body.template, body.template_version ?? null);
    return decide(body, template, request);
  }
}

function decide(body: CreateProjectBody, template: Template | null, request: CommandRequest): Decision {
  const { delivery, plan } = openingOf(body, template, request);
  const at = request.now.toISOString();
  const opened = record(projects, fresh(delivery.id), [createProject(delivery, plan, at)]);
  const gates = plan.map((milestone) => record(milestones, fresh(milestone.id), [addMilestone(gateOf(milestone, delivery.id), at)]));
  const project = presentPlannedProject(opened.after, plan);
  return {
    changes: [opened, ...gates],
    statements: plan.length > 0 ? [rememberPlannedTasks(request.caller, project)] : [],
    answer: { status: 201, body: project, version: 1, location: `/projects/${delivery.id}` },
  };
}
