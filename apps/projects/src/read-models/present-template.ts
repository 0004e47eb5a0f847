import type { Template as TemplateResource, TemplateSummary } from '@works/contracts/templates';
import type { DueRule, Template, TemplateMilestone, TemplateTask } from '../domain/template';
import { presentBilling } from './present-milestone';

/** The version as outsiders get it, fields in the order of the contract: the database keeps objects in an order of its own. */
export const presentTemplate = (template: Template): TemplateResource => ({
  ...presentSummary(template, countsOf(template)),
  milestones: template.milestones.map(presentMilestone),
});

export const presentSummary = (template: Omit<Template, 'milestones'>, counts: TemplateSummary['counts']): TemplateSummary => ({
  id: template.id,
  object: 'template',
  key: template.key,
  name: template.name,
  version: template.version,
  status: 'published',
  counts: { milestones: counts.milestones, tasks: counts.tasks },
  calendar: { working_days: [...template.calendar.working_days], holidays: [...template.calendar.holidays] },
  roles: template.roles.map(({ key, name, required, default: whom }) => ({ key, name, required, default: whom })),
  variables: template.variables.map(({ key, type, required }) => ({ key, type, required })),
  created_at: template.created_at,
  updated_at: template.published_at,
});

export const countsOf = ({ milestones }: Pick<Template, 'milestones'>): TemplateSummary['counts'] => ({
  milestones: milestones.length,
  tasks: milestones.reduce((count, { tasks }) => count + tasks.length, 0),
});

const presentMilestone = ({
  key,
  name,
  due,
  requires_sign_off,
  billing,
  tasks,
}: TemplateMilestone): TemplateResource['milestones'][number] => ({
  key,
  name,
  due: presentDue(due),
  requires_sign_off,
  billing: presentBilling(billing),
  tasks: tasks.map(presentTask),
});

const presentTask = ({ key, title, description, role, due, priority, checklist, depends_on }: TemplateTask) => ({
  key,
  title,
  description,
  role,
  due: presentDue(due),
  priority,
  checklist: checklist.map((item) => ({ key: item.key, title: item.title })),
  depends_on: [...depends_on],
});

const presentDue = ({ offset, unit, from }: DueRule) => ({ offset, unit, from });
