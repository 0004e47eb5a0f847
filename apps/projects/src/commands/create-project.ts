import { Body, Controller, Post, Query } from '@nestjs/common';
import { CreateProjectBody, CreateProjectQuery, Project as ProjectResource } from '@works/contracts/projects';
import { today } from '@works/platform/calendar';
import type { Caller } from '@works/platform/caller';
import { WithoutCatchingUp } from '@works/platform/caught-up';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, fresh, record, type CommandRequest, type Decision, type RecordedAnswer, type Statement } from '@works/platform/event-store';
import { Command, invalid, json, Operation, RequireScope, type FieldError } from '@works/platform/http';
import { newId, type Id } from '@works/platform/ids';
import { TenantDatabase } from '@works/platform/tenancy';
import { milestones, projects } from '../aggregates';
import { addMilestone } from '../domain/milestone';
import { createProject, type Delivery } from '../domain/project';
import { scaffold, type PlannedMilestone } from '../domain/scaffold';
import { gateOf, presentPlan } from '../read-models/present';
import { findTemplate } from '../templates/catalogue';

@Controller()
export class CreateProject {
  constructor(
    private readonly store: EventStore,
    private readonly database: TenantDatabase,
  ) {}

  @Post('/projects')
  @RequireScope('projects:write')
  @WithoutCatchingUp()
  @Operation({
    summary: 'Open a project',
    description: 'With a template, its milestones and tasks are in the answer, ids included, and in the queues of those who play its roles.',
    tag: 'Projects',
    body: CreateProjectBody,
    query: CreateProjectQuery,
    answers: { 200: ProjectResource, 201: ProjectResource },
    refuses: ['template_not_found', 'role_missing', 'reference_taken', 'event_too_large'],
  })
  async create(@Body() body: CreateProjectBody, @Query() query: CreateProjectQuery, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    refuseContradictions(body);
    if (query.dry_run) return json(JSON.stringify(decide(body, request).answer.body));
    return this.store.create(request, () => decide(body, request), {
      refusal: (constraint) => (constraint === 'projects_reference' ? this.taken(request.caller, body.reference!) : null),
    });
  }

  private async taken(caller: Caller, reference: string): Promise<RuleViolation> {
    const [first] = await this.database.query<{ id: string }>(caller, 'select id from projects where reference = $1', [reference]);
    return new RuleViolation('reference_taken', `The project ${first?.id} has this reference.`, { project_id: first?.id ?? null });
  }
}

/** What no single field can be blamed for, so the body's schema cannot say it. */
function refuseContradictions({ starts_on, due_on, template, template_version, roles, variables }: CreateProjectBody): void {
  const errors: FieldError[] = [];
  if (starts_on != null && due_on != null) errors.push({ pointer: '/due_on', code: 'not_allowed', detail: 'must not be given together with starts_on' });
  if (template == null) {
    const orphans = Object.entries({ template_version, roles, variables }).filter(([, value]) => value !== undefined);
    errors.push(...orphans.map(([field]) => ({ pointer: `/${field}`, code: 'not_allowed', detail: 'needs a template' })));
  }
  if (errors.length > 0) throw invalid(errors);
}

function decide(body: CreateProjectBody, { caller, now }: CommandRequest): Decision {
  const at = now.toISOString();
  const { delivery, plan } = planned(body, caller, now);
  const project = record(projects, fresh(delivery.id), [createProject(delivery, plan, at)]);
  const gates = plan.map((planned) => record(milestones, fresh(planned.id), [addMilestone(gateOf(planned, delivery.id), at)]));
  return {
    changes: [project, ...gates],
    statements: plan.length === 0 ? [] : [rememberTasks(plan, delivery.id, caller)],
    answer: { status: 201, body: presentPlan(project.after, plan, at), version: 1, location: `/projects/${delivery.id}` },
  };
}

function planned(body: CreateProjectBody, caller: Caller, now: Date): { delivery: Delivery; plan: readonly PlannedMilestone[] } {
  const timeZone = body.time_zone ?? caller.timeZone;
  const startsOn = body.starts_on ?? null;
  const dueOn = body.due_on ?? null;
  const delivery: Delivery = {
    id: newId('prj'),
    name: body.name,
    owner_id: body.owner_id as Id<'usr'>,
    deal_id: (body.deal_id ?? null) as Id<'dl'> | null,
    contact_id: (body.contact_id ?? null) as Id<'ctc'> | null,
    reference: body.reference ?? null,
    time_zone: timeZone,
    starts_on: startsOn,
    due_on: dueOn,
    template: null,
    roles: {},
    variables: (body.variables ?? {}) as Delivery['variables'],
    metadata: body.metadata ?? {},
  };
  if (body.template == null) return { delivery, plan: [] };
  const template = findTemplate(body.template, body.template_version ?? null);
  const brief = {
    ownerId: delivery.owner_id,
    roles: (body.roles ?? {}) as Record<string, Id<'usr'>>,
    variables: body.variables ?? {},
    anchor: dueOn !== null ? { due_on: dueOn } : { starts_on: startsOn ?? today(now, timeZone) },
    timeZone,
  };
  const { starts_on, due_on, roles, milestones: plan } = scaffold(template, brief, newId);
  return { delivery: { ...delivery, starts_on, due_on, roles, template: { key: template.key, version: template.version } }, plan };
}

/** Progress counts the planned tasks from the first moment; the tasks' own events bring them up to date. */
const rememberTasks = (plan: readonly PlannedMilestone[], projectId: string, { organizationId, livemode }: Caller): Statement => {
  const tasks = plan.flatMap((milestone) => milestone.tasks.map((task) => ({ ...task, milestoneId: milestone.id })));
  return {
    text: `insert into project_tasks (task_id, organization_id, livemode, project_id, milestone_id, title, status, version, overdue_at)
             select t.id, $1, $2, $3, t.milestone_id, t.title, 'open', 0, t.overdue_at
               from unnest($4::text[], $5::text[], $6::text[], $7::timestamptz[]) as t(id, milestone_id, title, overdue_at)
           on conflict do nothing`,
    values: [
      ...[organizationId, livemode, projectId],
      tasks.map(({ id }) => id),
      tasks.map(({ milestoneId }) => milestoneId),
      tasks.map(({ title }) => title),
      tasks.map(({ overdue_at }) => overdue_at),
    ],
  };
};
