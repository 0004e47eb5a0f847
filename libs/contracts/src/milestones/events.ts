import type { Milestone } from './milestone';

/** The `data` of `milestone.reached`: the milestone right after it, and what it changed, as that was before. */
export type MilestoneEventData = {
  milestone: Milestone;
  previous: Partial<Pick<Milestone, 'status'>>;
};
