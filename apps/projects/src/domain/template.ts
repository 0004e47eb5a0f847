import type { WorkingDays } from '@works/platform/calendar';

/** A named, versioned plan. A version never changes once it is published: projects are pinned to theirs. */
export interface Template {
  readonly key: string;
  readonly name: string;
  readonly version: number;
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
  readonly name: string;
  readonly due: DueRule;
  readonly requires_sign_off: boolean;
  readonly billing: Billing | null;
  readonly tasks: readonly TemplateTask[];
}

export interface TemplateTask {
  readonly key: string;
  readonly title: string;
  readonly role: string;
  readonly due: DueRule;
  readonly priority: 'urgent' | 'high' | 'normal' | 'low';
  readonly checklist: readonly { readonly key: string; readonly title: string }[];
  /** Keys of tasks that stand earlier in the template, so that working down the list is always possible. */
  readonly depends_on: readonly string[];
}

/**
 * A due date relative to the start or the end of the project, or to a milestone: for a task that is its own, for a milestone the
 * one before it. Negative offsets lead to before.
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
