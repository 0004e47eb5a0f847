import { publicEvent } from '@works/contracts/events';
import type { Fact, Publish } from '@works/platform/event-store';
import type { Milestone, MilestoneEvent } from './domain/milestone';
import type { Project, ProjectEvent } from './domain/project';
import { presentMilestone, presentPlan, presentProject } from './read-models/present';

/** What outsiders are told, and how. A milestone that comes with its project is told of by `project.created`. */
export const publish: Publish = (fact) => {
  const event = fact.event as ProjectEvent | MilestoneEvent;
  switch (event.type) {
    case 'project.created': {
      const project = (fact as Fact<Project>).after;
      return publicEvent(fact, {
        type: 'project.created',
        projectId: project.id,
        data: { project: presentPlan(project, event.data.plan, event.data.at), previous: {} },
      });
    }
    case 'project.closed': {
      const project = (fact as Fact<Project>).after;
      return publicEvent(fact, {
        type: 'project.closed',
        projectId: project.id,
        data: { project: presentProject(project, fact.version, event.data.progress), open_tasks: event.data.open_tasks, previous: { status: 'active' } },
      });
    }
    case 'milestone.reached': {
      const milestone = (fact as Fact<Milestone>).after;
      return publicEvent(fact, {
        type: 'milestone.reached',
        projectId: milestone.project_id,
        data: { milestone: presentMilestone(milestone, fact.version, event.data.progress, []), previous: { status: 'pending' } },
      });
    }
    case 'milestone.added':
      return null;
  }
};
