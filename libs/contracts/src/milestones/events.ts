import type { Milestone } from './milestone';
import type { UpdateMilestoneBody } from './requests';

/** The `data` of `milestone.added`: a milestone that was added to a project later. Planned ones are told with their project. */
export type MilestoneAddedData = {
  milestone: Milestone;
  previous: Record<string, never>;
};

/** The `data` of `milestone.updated`: the milestone right after it, and exactly what changed, as that was before. */
export type MilestoneUpdatedData = {
  milestone: Milestone;
  previous: Partial<Pick<Milestone, keyof UpdateMilestoneBody>>;
};

/** The `data` of `milestone.reached`: the milestone right after it, and what it changed, as that was before. */
export type MilestoneEventData = {
  milestone: Milestone;
  previous: Partial<Pick<Milestone, 'status'>>;
};

/** The `data` of `milestone.reopened`: `previous` says when and by whose word it had been reached, so that what followed can be undone. */
export type MilestoneReopenedData = {
  milestone: Milestone;
  previous: Pick<Milestone, 'status' | 'sign_off' | 'reached_at'>;
};
