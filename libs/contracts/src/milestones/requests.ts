import { Flag, Nested, PlannedDate, Text, WholeNumber, Words } from '../fields';
import { MilestoneBilling } from './milestone';

/** Body of `POST /projects/{id}/milestones`. */
export class CreateMilestoneBody {
  @Words({ max: 200, example: 'Snagging' })
  name!: string;

  @Text({
    max: 100,
    pattern: /^[a-z0-9_]+$/,
    optional: true,
    nullable: true,
    description: 'Your own name for it; no other milestone of the project may have it.',
  })
  key?: string | null;

  @PlannedDate({ optional: true, nullable: true, description: "In the project's time zone." })
  due_on?: string | null;

  @WholeNumber({ min: 1, max: 10_000, optional: true, description: 'Those from this place on move down by one. Default: the last place.' })
  position?: number;

  @Flag({ optional: true, description: 'Reached only by somebody who says so. Default false.' })
  requires_sign_off?: boolean;

  @Nested(() => MilestoneBilling, { optional: true, nullable: true })
  billing?: MilestoneBilling | null;
}

/** Body of `PATCH /milestones/{id}`: what is left out stays as it is. */
export class UpdateMilestoneBody {
  @Words({ max: 200, optional: true })
  name?: string;

  @PlannedDate({ optional: true, nullable: true, description: "In the project's time zone." })
  due_on?: string | null;

  @WholeNumber({ min: 1, max: 10_000, optional: true, description: 'Moves it to this place; those in between make room.' })
  position?: number;

  @Flag({ optional: true, description: 'Without it, a milestone whose tasks are all done reaches at once.' })
  requires_sign_off?: boolean;

  @Nested(() => MilestoneBilling, { optional: true, nullable: true, description: 'Counts when the milestone is reached the next time.' })
  billing?: MilestoneBilling | null;
}

/** Body of `POST /milestones/{id}/reach`. */
export class ReachMilestoneBody {
  @Words({ max: 2_000, optional: true, nullable: true, description: 'What the one who signs off has to say.' })
  note?: string | null;
}
