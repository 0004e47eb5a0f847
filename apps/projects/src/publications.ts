import { publicEvent } from '@works/contracts/events';
import type {
  Milestone as MilestoneResource,
  MilestoneAddedData,
  MilestoneEventData,
  MilestoneInvoiceData,
  MilestoneReopenedData,
  MilestoneUpdatedData,
} from '@works/contracts/milestones';
import type { ProjectClosedData, ProjectCreatedData, ProjectReopenedData, ProjectUpdatedData } from '@works/contracts/projects';
import { unreachable } from '@works/platform/errors';
import type { Fact, PublicFact, Publish } from '@works/platform/event-store';
import type { Milestone, MilestoneEvent } from './domain/milestone';
import type { Project, ProjectEvent } from './domain/project';
import { presentInvoice, presentMilestone, type Seen } from './read-models/present-milestone';
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
    case 'project.updated': {
      const { before, after } = fact as Fact<Project, ProjectEvent>;
      const { changed, progress } = event.data;
      const former = Object.entries(presentProject(before!, fact.version - 1, progress)).filter(([field]) => field in changed);
      const data: ProjectUpdatedData = { project: presentProject(after, fact.version, progress), previous: Object.fromEntries(former) };
      return publicEvent(fact, { type: event.type, projectId: fact.streamId, data });
    }
    case 'project.closed': {
      const { progress, open_tasks } = event.data;
      const project = presentProject(fact.after as Project, fact.version, progress);
      const data: ProjectClosedData = { project, previous: { status: 'active', outcome: null }, open_tasks };
      return publicEvent(fact, { type: event.type, projectId: fact.streamId, data });
    }
    case 'project.reopened': {
      const { before, after } = fact as Fact<Project, ProjectEvent>;
      const { progress } = event.data;
      const { status, outcome, closed_at } = presentProject(before!, fact.version - 1, progress);
      const data: ProjectReopenedData = {
        project: presentProject(after, fact.version, progress),
        previous: { status, outcome, closed_at },
      };
      return publicEvent(fact, { type: event.type, projectId: fact.streamId, data });
    }
    case 'milestone.added': {
      if (!event.data.later) return null;
      return toldOfMilestone(fact, { progress: { tasks: 0, tasks_completed: 0 }, openTasks: [] }, () => ({}));
    }
    case 'milestone.updated': {
      const { changed, progress, open_tasks: openTasks } = event.data;
      return toldOfMilestone(fact, { progress, openTasks }, (before) =>
        Object.fromEntries(Object.entries(before!).filter(([field]) => field in changed)),
      );
    }
    case 'milestone.reached':
      return toldOfMilestone(fact, { progress: event.data.progress, openTasks: [] }, (before) => ({
        status: 'pending',
        ...(event.data.bills !== undefined && { invoice: before!.invoice }),
      }));
    case 'milestone.reopened': {
      const { progress, open_tasks: openTasks } = event.data;
      return toldOfMilestone(fact, { progress, openTasks }, (before) => {
        const { status, sign_off, reached_at, invoice } = before!;
        return { status, sign_off, reached_at, ...(invoice !== null && { invoice }) };
      });
    }
    case 'milestone.invoice_requested':
    case 'milestone.invoice_failed':
    case 'milestone.invoice_drafted':
      return toldOfInvoice(fact as Fact<Milestone, InvoiceEvent>);
    default:
      return unreachable(event);
  }
};

type InvoiceEvent = Extract<MilestoneEvent, { type: `milestone.invoice_${string}` }>;

function toldOfInvoice(fact: Fact<Milestone, InvoiceEvent>): PublicFact {
  const { event, before, after, version } = fact;
  const seen = { progress: event.data.progress, openTasks: event.data.open_tasks };
  const milestone = presentMilestone(after, version, seen);
  const own = before!.invoice !== after.invoice;
  const data: MilestoneInvoiceData = {
    milestone,
    invoice: own ? milestone.invoice! : lateDraft(event),
    previous: own ? { invoice: presentInvoice(before!.invoice) } : {},
  };
  return publicEvent(fact, { type: event.type, projectId: after.project_id, data });
}

/** Of a reaching that has been undone and followed by another: nothing of the milestone shows it any more. */
function lateDraft(event: InvoiceEvent): MilestoneInvoiceData['invoice'] {
  if (event.type !== 'milestone.invoice_drafted') throw new Error(`${event.type} is about the milestone's newest invoice`);
  const { invoice_id: id, attempts, at } = event.data;
  return { status: 'void', id, error: null, attempts, drafted_at: at, next_attempt_at: null };
}

type ToldMilestone = MilestoneAddedData | MilestoneUpdatedData | MilestoneEventData | MilestoneReopenedData;

function toldOfMilestone(fact: Fact, seen: Seen, previous: (before: MilestoneResource | null) => ToldMilestone['previous']): PublicFact {
  const { event, before, after, version } = fact as Fact<Milestone, MilestoneEvent>;
  const data = {
    milestone: presentMilestone(after, version, seen),
    previous: previous(before === null ? null : presentMilestone(before, version - 1, seen)),
  };
  return publicEvent(fact, { type: event.type, projectId: after.project_id, data });
}
