import { Text } from '../fields';

/** Body of `POST /milestones/{id}/reach`. */
export class ReachMilestoneBody {
  @Text({ max: 2_000, optional: true, nullable: true, description: 'What the one who signs off has to say.' })
  note?: string | null;
}
