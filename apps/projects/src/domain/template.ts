import type { WorkingDays } from '@works/platform/calendar';
import type { Id } from '@works/platform/ids';

/** One version of a named plan. It never changes once it is published: projects are pinned to theirs. */
export interface Template extends TemplateDraft {
  /** The same for every version. */
  readonly id: Id<'tpl'>;
  /** From 1. */
  readonly version: number;
  /** When the first version was published. */
  readonly created_at: string;
  readonly published_at: string;
}

/** What a version says. */
export interface TemplateDraft {
  readonly key: string;
  readonly name: string;
  readonly calendar: WorkingDays;
  readonly roles: readonly TemplateRole[];
  readonly variables: readonly TemplateVariable[];
  readonly milestones: readonly TemplateMilestone[];
}

export interface TemplateRole {
  readonly key: string;
  readonly name: string;
  readonly required: boolean;
  /** Who plays the role when the caller names nobody. */
  readonly default: 'owner' | null;
}

export interface TemplateVariable {
  readonly key: string;
  readonly type: 'text' | 'number' | 'date';
  readonly required: boolean;
}

export interface TemplateMilestone {
  readonly key: string;
  /** May hold placeholders, as the texts of tasks may: `{{floor_area}}`. */
  readonly name: string;
  readonly due: DueRule;
  readonly requires_sign_off: boolean;
  readonly billing: Billing | null;
  readonly tasks: readonly TemplateTask[];
}

export interface TemplateTask {
  readonly key: string;
  readonly title: string;
  readonly description: string | null;
  /** Null: nobody's until somebody is assigned. */
  readonly role: string | null;
  readonly due: DueRule;
  readonly priority: 'urgent' | 'high' | 'normal' | 'low';
  readonly checklist: readonly { readonly key: string; readonly title: string }[];
  /** Keys of tasks that stand anywhere in the template, in no circle. */
  readonly depends_on: readonly string[];
}

/**
 * A due date relative to the start or the end of the project, or to a milestone: for a task that is its own, for a milestone the
 * one before it (for the first, the start). Negative offsets lead to before.
 */
export interface DueRule {
  readonly offset: number;
  readonly unit: 'business_days' | 'days';
  readonly from: 'start' | 'end' | 'milestone';
}

/** What reaching the milestone bills: items of the organization's catalog, payable within `due_in_days`. */
export interface Billing {
  readonly items: readonly { readonly catalog_item_id: string; readonly qty: number }[];
  readonly due_in_days: number;
}
