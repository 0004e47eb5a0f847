import { record, type Change } from '@works/platform/event-store';
import { milestones } from './aggregates';
import { updateMilestone } from './domain/milestone';
import type { Place } from './domain/milestone-order';
import type { MilestonesInOrder, PlacedMilestone } from './read-models/milestones-of-project';

/** The milestones that move, each with an event of its own. */
export const placed = (
  places: readonly Place<PlacedMilestone>[],
  projectStatus: MilestonesInOrder['projectStatus'],
  at: string,
): Change[] =>
  places.map(({ milestone, position }) => {
    const { progress, open_tasks } = milestone;
    return record(milestones, milestone, updateMilestone(milestone.state, { position }, { progress, open_tasks, projectStatus, at }));
  });

/** In one order everywhere, so that two commands over the same milestones never wait for each other in a circle. */
export const byId = (changes: readonly Change[]): Change[] => [...changes].sort((a, b) => (a.id < b.id ? -1 : 1));

/** The database gives the last place of a project to one of those who ask for it at once; the others look again, so many of them at a time. */
export const LAST_PLACE = { constraint: 'milestones_in_order', decisionsMax: 64 };
