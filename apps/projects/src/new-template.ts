import type { NewTemplateMilestone, NewTemplateTask, PublishTemplateVersionBody } from '@works/contracts/templates';
import type { Tenant } from '@works/platform/caller';
import type { Decision, Statement } from '@works/platform/event-store';
import type { Template, TemplateDraft, TemplateMilestone, TemplateTask } from './domain/template';
import { countsOf, presentTemplate } from './read-models/present-template';

/** The draft that is asked for, with everything said that was left open. */
export const draftOf = (key: string, body: PublishTemplateVersionBody): TemplateDraft => ({
  key,
  name: body.name,
  calendar: {
    working_days: body.calendar?.working_days ?? ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
    holidays: body.calendar?.holidays ?? [],
  },
  roles: (body.roles ?? []).map((role) => ({
    key: role.key,
    name: role.name,
    required: role.required ?? true,
    default: role.default ?? null,
  })),
  variables: (body.variables ?? []).map(({ key: name, type, required }) => ({ key: name, type, required: required ?? true })),
  milestones: body.milestones.map(milestoneOf),
});

const milestoneOf = ({ key, name, due, requires_sign_off, billing, tasks }: NewTemplateMilestone): TemplateMilestone => ({
  key,
  name,
  due,
  requires_sign_off: requires_sign_off ?? false,
  billing: billing ?? null,
  tasks: (tasks ?? []).map(taskOf),
});

const taskOf = ({ key, title, description, role, due, priority, checklist, depends_on }: NewTemplateTask): TemplateTask => ({
  key,
  title,
  description: description ?? null,
  role: role ?? null,
  due,
  priority: priority ?? 'normal',
  checklist: checklist ?? [],
  depends_on: depends_on ?? [],
});

/** A version comes about: written once, and never again. */
export const published = (template: Template, tenant: Tenant): Decision => ({
  changes: [],
  statements: [insertVersion(template, tenant)],
  answer: {
    status: 201,
    body: presentTemplate(template),
    version: template.version,
    location: `/templates/${template.key}?version=${template.version}`,
  },
});

/** Its primary key is where publishers of one version meet: one of them is first. */
export const VERSION_TAKEN = 'template_versions_pkey';

function insertVersion(template: Template, { organizationId, livemode }: Tenant): Statement {
  const { milestones, tasks } = countsOf(template);
  return {
    text: `insert into template_versions (organization_id, livemode, key, version, id, name, calendar, roles, variables, milestones,
                                          milestone_count, task_count, created_at, published_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    values: [
      ...[organizationId, livemode, template.key, template.version, template.id, template.name],
      ...[template.calendar, template.roles, template.variables, template.milestones].map((part) => JSON.stringify(part)),
      ...[milestones, tasks, template.created_at, template.published_at],
    ],
  };
}
