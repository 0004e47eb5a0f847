import type { Lane } from './places';

/** What a worker needs to make one attempt. */
export interface Leased {
  readonly lane: Lane;
  readonly deliveryId: string;
  readonly leaseToken: string;
  readonly endpointId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly sequence: string;
  readonly organizationId: string;
  readonly livemode: boolean;
  readonly url: string;
  /** The endpoint's own headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** All secrets that may sign (signing-secrets.ts), as the endpoint's row keeps them: sealed. */
  readonly secret: string;
  readonly maxInFlight: number;
  /** The exact bytes of the event. */
  readonly body: string;
  /** When this attempt was to be made. */
  readonly dueAt: Date;
  /** Others may be waiting behind it. */
  readonly ordered: boolean;
  /** The dead letter that it did not wait for. */
  readonly passed: string | null;
  readonly attemptsMade: number;
}

/** Not a retry and not a replay: it has the places that are kept for what has just happened. */
export const isFirst = ({ lane }: Leased): boolean => lane === 'first';

/**
 * Where an attempt failed. `response`: the answer broke off or was not HTTP. `status`: it was answered, but not with 2xx. `expired`: it was not made,
 * because the delivery had waited for as long as events are kept.
 */
export type Stage =
  'dns' | 'refused_address' | 'connect' | 'tls' | 'timeout_headers' | 'timeout_body' | 'response' | 'status' | 'too_large' | 'expired';

export interface AttemptError {
  readonly stage: Stage;
  readonly code: string;
  readonly detail: string;
}

/** What came of one attempt. Times in milliseconds; a timing is null where the stage did not happen, as on a kept-alive connection. */
export interface Outcome {
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly durationMs: number;
  readonly timings: { readonly dns: number | null; readonly connect: number | null; readonly first_byte: number | null };
  readonly address: string | null;
  readonly statusCode: number | null;
  readonly responseBody: string | null;
  readonly responseHeaders: Readonly<Record<string, string>> | null;
  /** Null is success. */
  readonly error: AttemptError | null;
}

const UNREACHABLE: ReadonlySet<Stage> = new Set(['dns', 'connect', 'tls', 'timeout_headers', 'timeout_body']);

/** Nobody answered in time. An endpoint of which this is said again and again holds places for nothing. */
export const isUnreachable = ({ error }: Outcome): boolean => error !== null && UNREACHABLE.has(error.stage);
