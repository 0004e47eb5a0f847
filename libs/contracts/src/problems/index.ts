import { PLATFORM_PROBLEMS, type ProblemKind } from '@works/platform/problems';

/** The closed list: every `code` that a problem document can carry. Each has a page in docs/reference/problems. */
export const PROBLEMS = {
  ...PLATFORM_PROBLEMS,
  template_not_found: { status: 422, title: 'There is no such template', retryable: false },
  template_key_taken: { status: 409, title: 'Another template has this key', retryable: false },
  role_missing: { status: 422, title: 'The template has roles that nobody fills', retryable: false },
  unknown_reference: { status: 422, title: 'A referenced resource does not exist', retryable: false },
  reference_taken: { status: 409, title: 'Another project has this reference', retryable: false },
  project_closed: { status: 409, title: 'The project is closed', retryable: false },
  project_has_open_work: { status: 409, title: 'The project still has open work', retryable: false },
  too_many_milestones: { status: 409, title: 'The project has as many milestones as it can have', retryable: false },
  milestone_blocked: { status: 409, title: 'Something still blocks the milestone', retryable: false },
  no_invoice: { status: 409, title: 'The milestone has no invoice to draft', retryable: false },
  billing_not_configured: { status: 409, title: 'No invoices are drafted in this mode', retryable: false },
  dependency_cycle: { status: 422, title: 'The dependencies would form a cycle', retryable: false },
  task_blocked: { status: 409, title: 'Open dependencies block the task', retryable: false },
  task_completed: { status: 409, title: 'The task is completed', retryable: false },
  task_cancelled: { status: 409, title: 'The task is cancelled', retryable: false },
  test_clock_out_of_range: { status: 409, title: 'The test clock cannot be moved there', retryable: false },
  batch_failed: { status: 409, title: 'The batch was refused as a whole', retryable: false },
  endpoint_disabled: { status: 409, title: 'The endpoint is disabled', retryable: false },
  test_mode_only: { status: 409, title: 'This exists in test mode only', retryable: false },
  no_longer_kept: { status: 410, title: 'What was asked for is no longer kept', retryable: false },
  endpoint_deleted: { status: 409, title: 'The endpoint is deleted', retryable: false },
  delivery_pending: { status: 409, title: 'The delivery is still being attempted', retryable: false },
  replay_ended: { status: 409, title: 'The replay has ended', retryable: false },
  too_many_replays: { status: 409, title: 'As many replays are under way as there can be', retryable: false },
  too_many_waiting: { status: 429, title: 'As many requests are waiting as there can be', retryable: true },
  endpoint_url_refused: { status: 422, title: 'The endpoint address may not be used', retryable: false },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;
