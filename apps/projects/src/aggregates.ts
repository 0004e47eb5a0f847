import { record, type Aggregate, type Decision, type Loaded } from '@works/platform/event-store';
import { evolve as evolveMilestone, type Milestone, type MilestoneEvent } from './domain/milestone';
import { evolve as evolveProject, type Progress, type Project, type ProjectEvent } from './domain/project';
import { presentMilestone, type Seen } from './read-models/present-milestone';
import { presentProject } from './read-models/present-project';

export const projects: Aggregate<Project, ProjectEvent> = { table: 'projects', evolve: evolveProject };
export const milestones: Aggregate<Milestone, MilestoneEvent> = { table: 'milestones', evolve: evolveMilestone };

/** What was decided about one project, answered as `GET /projects/{id}` would answer it afterwards. No events: already so. */
export function projectDecision(loaded: Loaded<Project>, events: readonly ProjectEvent[], progress: Progress): Decision {
  const changes = events.length > 0 ? [record(projects, loaded, events)] : [];
  const version = loaded.version + events.length;
  return { changes, answer: { status: 200, body: presentProject(changes[0]?.after ?? loaded.state!, version, progress), version } };
}

/** The same for one milestone. */
export function milestoneDecision(loaded: Loaded<Milestone>, events: readonly MilestoneEvent[], seen: Seen): Decision {
  const changes = events.length > 0 ? [record(milestones, loaded, events)] : [];
  const version = loaded.version + events.length;
  return { changes, answer: { status: 200, body: presentMilestone(changes[0]?.after ?? loaded.state!, version, seen), version } };
}
