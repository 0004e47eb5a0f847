/** One kind of refusal. `retryable` says whether the same request can succeed later without being changed. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

/** The refusals any product of the suite can give. A product adds its own; together they are the closed list. */
export const PLATFORM_PROBLEMS = {
  malformed_json: { status: 400, title: 'The body is not valid JSON', retryable: false },
  idempotency_key_missing: { status: 400, title: 'This request needs an Idempotency-Key', retryable: false },
  idempotency_key_invalid: { status: 400, title: 'The Idempotency-Key is not usable', retryable: false },
  invalid_header: { status: 400, title: 'A request header is not usable', retryable: false },
  cursor_invalid: { status: 400, title: 'The cursor is not one of ours', retryable: false },
  cursor_mismatch: { status: 400, title: 'The cursor belongs to another list or filter', retryable: false },
  unauthenticated: { status: 401, title: 'The API key is missing or not valid', retryable: false },
  scope_missing: { status: 403, title: 'The API key lacks a scope', retryable: false },
  not_found: { status: 404, title: 'There is no such resource', retryable: false },
  route_not_found: { status: 404, title: 'There is no such address', retryable: false },
  method_not_allowed: { status: 405, title: 'The address does not take this method', retryable: false },
  not_acceptable: { status: 406, title: 'No acceptable representation', retryable: false },
  idempotency_key_reused: { status: 409, title: 'The Idempotency-Key was used for another request', retryable: false },
  idempotency_key_in_use: { status: 409, title: 'A request with this Idempotency-Key is still running', retryable: true },
  version_conflict: { status: 412, title: 'The resource has changed since', retryable: false },
  body_too_large: { status: 413, title: 'The body is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body must be JSON', retryable: false },
  validation_failed: { status: 422, title: 'The request has invalid fields', retryable: false },
  event_too_large: { status: 422, title: 'The change is too large for one event', retryable: false },
  backlog_too_long: { status: 429, title: 'Too many changes of your organization are still to be passed on', retryable: true },
  internal_error: { status: 500, title: 'Something went wrong on our side', retryable: true },
  contended: { status: 503, title: 'Too many changes to this resource at once', retryable: true },
  not_caught_up: { status: 503, title: 'Not yet as new as you asked for', retryable: true },
  unavailable: { status: 503, title: 'A part of the service is not reachable', retryable: true },
} as const satisfies Record<string, ProblemKind>;
