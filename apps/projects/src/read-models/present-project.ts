import type { Project as ProjectResource } from '@works/contracts/projects';
import type { Progress, Project } from '../domain/project';

/** The project as outsiders get it, fields in the order of the contract. */
export function presentProject(project: Project, version: number, progress: Progress): ProjectResource {
  return {
    id: project.id,
    object: 'project',
    name: project.name,
    status: project.status,
    outcome: project.status === 'closed' ? project.outcome : null,
    owner_id: project.owner_id,
    deal_id: project.deal_id,
    contact_id: project.contact_id,
    reference: project.reference,
    time_zone: project.time_zone,
    starts_on: project.starts_on,
    due_on: project.due_on,
    template: project.template === null ? null : { key: project.template.key, version: project.template.version },
    roles: inOrder(project.roles),
    variables: inOrder(project.variables),
    metadata: inOrder(project.metadata),
    progress: {
      milestones: progress.milestones,
      milestones_reached: progress.milestones_reached,
      tasks: progress.tasks,
      tasks_completed: progress.tasks_completed,
      tasks_overdue: progress.tasks_overdue,
    },
    closed_at: project.status === 'closed' ? project.closed_at : null,
    created_at: project.created_at,
    updated_at: project.updated_at,
    version,
  };
}

/** The database keeps maps in an order of its own; sorted, an answer has the same bytes before and after it was stored. */
const inOrder = <Value>(map: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
