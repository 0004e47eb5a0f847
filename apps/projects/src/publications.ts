import { publicEvent } from '@works/contracts/events';
import type { MilestoneEventData } from '@works/contracts/milestones';
import type { ProjectClosedData, ProjectCreatedData } from '@works/contracts/projects';
import { unreachable } from '@works/platform/errors';
import type { Fact, Publish } from '@works/platform/event-store';
import type { Milestone, MilestoneEvent } from './domain/milestone';
import type { Project, ProjectEvent } from './domain/project';
import { presentMilestone } from './read-models/present-milestone';
import { presentProjectWithPlan } from './read-models/present-plan';
import { presentProject } from './read-models/present-project';

/** Outsiders get the resource as reading it would have answered right after the fact. Planned milestones are told with their project. */
export const publish: Publish = (fact) => {
  const event = fact.event as ProjectEvent | MilestoneEvent;
  switch (event.type) {
    case 'project.created': {
      const data: ProjectCreatedData = { project: presentProjectWithPlan(fact.after as Project, event.data.plan), previous: {} };
      return publicEvent(fact, { type: event.type, projectId: fact.streamId, data });
    }
    case 'project.closed': {
      const { progress, open_tasks } = event.data;
      const project = presentProject(fact.after as Project, fact.version, progress);
      const data: ProjectClosedData = { project, previous: { status: 'active', outcome: null }, open_tasks };
      return publicEvent(fact, { type: event.type, projectId: fact.streamId, data });
    }
    case 'milestone.added':
      return null;
    case 'milestone.reached': {
      const { after, version } = fact as Fact<Milestone, MilestoneEvent>;
      const milestone = presentMilestone(after, version, { progress: event.data.progress, openTasks: [] });
      const data: MilestoneEventData = { milestone, previous: { status: 'pending' } };
      return publicEvent(fact, { type: event.type, projectId: after.project_id, data });
    }
    default:
      return unreachable(event);
  }
};
