import { Actor } from '../actors';
import { Fixed, Flag, IdOf, Instant, ListOf, LocalDate, Nested, OneOf, Quantity, Text, WholeNumber } from '../fields';
import { Task } from '../tasks';

export const MILESTONE_STATUSES = ['pending', 'reached'] as const;
export type MilestoneStatus = (typeof MILESTONE_STATUSES)[number];

export const INVOICE_STATUSES = ['pending', 'drafted', 'failed', 'void'] as const;
export type InvoiceStatus = (typeof INVOICE_STATUSES)[number];

const COUNT_MAX = 2_147_483_647;

/** Somebody's word that the phase is done. */
export class SignOff {
  @Nested(() => Actor)
  by!: Actor;

  @Text({ max: 2_000, nullable: true })
  note!: string | null;

  @Instant()
  at!: string;
}

export class MilestoneProgress {
  @WholeNumber({ min: 0, max: COUNT_MAX, description: 'Tasks of the milestone that are not cancelled.' })
  tasks!: number;

  @WholeNumber({ min: 0, max: COUNT_MAX })
  tasks_completed!: number;
}

/** One thing that keeps a milestone from being reached. */
export class Blocker {
  @OneOf(['task', 'sign_off'])
  kind!: 'task' | 'sign_off';

  @Text({ max: 40, pattern: /^(tsk|mst)_/, description: 'The open task; for the sign-off the milestone itself.' })
  id!: string;

  @Text({ max: 200 })
  title!: string;
}

export class BilledItem {
  @IdOf('itm')
  catalog_item_id!: string;

  @Quantity()
  qty!: number;
}

/** What reaching the milestone bills. */
export class MilestoneBilling {
  @ListOf(() => BilledItem, { max: 100 })
  items!: BilledItem[];

  @WholeNumber({ min: 0, max: 3_650 })
  due_in_days!: number;
}

/** What SK Billing has made of the milestone. */
export class MilestoneInvoice {
  @OneOf(INVOICE_STATUSES, { description: '`void`: the milestone was reopened, and what had been drafted is to be undone.' })
  status!: InvoiceStatus;

  @IdOf('inv', { nullable: true, description: 'The draft in SK Billing.' })
  id!: string | null;

  @Text({ max: 2_000, nullable: true, description: 'Why the newest attempt failed.' })
  error!: string | null;

  @WholeNumber({ min: 0, max: COUNT_MAX, description: 'How often SK Billing was called since the invoice was last asked for.' })
  attempts!: number;

  @Instant({ nullable: true })
  drafted_at!: string | null;

  @Instant({ nullable: true, description: 'When a failed one is tried again by itself. Null: it waits for a retry by hand.' })
  next_attempt_at!: string | null;
}

/** The gate that ends a phase, as every answer and event shows it; the fields stand in the order in which they go over the wire. */
export class Milestone {
  @IdOf('mst')
  id!: string;

  @Fixed('milestone')
  object!: 'milestone';

  @IdOf('prj')
  project_id!: string;

  @Text({ max: 100, nullable: true, description: "The milestone's name in the template it came from." })
  key!: string | null;

  @Text({ max: 200 })
  name!: string;

  @WholeNumber({ min: 1, max: 10_000, description: 'Place among the milestones of the project, from 1.' })
  position!: number;

  @LocalDate({ nullable: true, description: "In the project's time zone." })
  due_on!: string | null;

  @OneOf(MILESTONE_STATUSES)
  status!: MilestoneStatus;

  @Flag({ description: 'Reached only by somebody who says so; otherwise by itself, with its last task.' })
  requires_sign_off!: boolean;

  @Nested(() => SignOff, { nullable: true, description: 'Who declared it reached. Null: nobody yet, or it reached by itself.' })
  sign_off!: SignOff | null;

  @Nested(() => MilestoneProgress)
  progress!: MilestoneProgress;

  @ListOf(() => Blocker, { max: 101, description: 'What is missing, the oldest 100 open tasks of it. Empty once reached.' })
  blocked_by!: Blocker[];

  @Nested(() => MilestoneBilling, { nullable: true })
  billing!: MilestoneBilling | null;

  @Nested(() => MilestoneInvoice, { nullable: true, description: 'Null: none has been asked for.' })
  invoice!: MilestoneInvoice | null;

  @Instant({ nullable: true })
  reached_at!: string | null;

  @Instant()
  created_at!: string;

  @Instant()
  updated_at!: string;

  @WholeNumber({ min: 1, max: COUNT_MAX })
  version!: number;
}

/** A milestone with what `expand` asked for. */
export class ExpandedMilestone extends Milestone {
  @ListOf(() => Task, {
    max: 100_000,
    optional: true,
    description: 'With `expand=milestones.tasks`; those that were made first come first.',
  })
  tasks?: Task[];
}

/** A milestone with the tasks that it was planned with. */
export class PlannedMilestone extends Milestone {
  @ListOf(() => Task, { max: 1_000 })
  tasks!: Task[];
}
