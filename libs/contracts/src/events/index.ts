/** What happens to projects, milestones and tasks. The name of an event is also the name of its Kafka topic. */
export const DOMAIN_EVENT_TYPES = [
  'project.created',
  'project.updated',
  'project.closed',
  'project.reopened',
  'milestone.added',
  'milestone.updated',
  'milestone.reached',
  'milestone.reopened',
  'milestone.invoice_requested',
  'milestone.invoice_drafted',
  'milestone.invoice_failed',
  'task.created',
  'task.updated',
  'task.assigned',
  'task.unassigned',
  'task.completed',
  'task.reopened',
  'task.cancelled',
  'task.overdue',
  'task.commented',
  'test_clock.advanced',
] as const;

/** What happens to the deliveries themselves. They are in the organization's log, go to endpoints that name them, and are on no topic. */
export const OPERATIONAL_EVENT_TYPES = ['webhook_endpoint.disabled', 'delivery.dead_lettered'] as const;

/** Everything outsiders may be told of. */
export const EVENT_TYPES = [...DOMAIN_EVENT_TYPES, ...OPERATIONAL_EVENT_TYPES] as const;

export type OperationalEventType = (typeof OPERATIONAL_EVENT_TYPES)[number];

export const isOperational = (type: string): type is OperationalEventType => (OPERATIONAL_EVENT_TYPES as readonly string[]).includes(type);

/** One of the public event types. */
export type EventType = (typeof EVENT_TYPES)[number];

/**
 * An event as everybody gets it: on Kafka, in a webhook's body, from `GET /events`.
 * `position` counts an organization's events in one mode, without gaps; it is given when the event enters the
 * organization's log, so on Kafka (which has offsets of its own) it is null.
 */
export interface PublicEvent<Data = Record<string, unknown>> {
  id: string;
  object: 'event';
  type: EventType;
  /** RFC 3339, UTC, milliseconds. */
  timestamp: string;
  organization_id: string;
  livemode: boolean;
  position: number | null;
  /** Id of the resource the event is about. */
  subject: string;
  project_id: string | null;
  /** Id of the public event before this one of the same resource; null for its first. */
  previous_event: string | null;
  /** Id of the event that brought this one about; null when a request did. */
  caused_by: string | null;
  actor: { type: 'api_key' | 'agent' | 'system'; id: string };
  request: { id: string | null; idempotency_key: string | null };
  data: Data;
}

/** What is known of a fact when it is told to outsiders. The platform's `Fact` has this shape. */
interface ToldFact {
  readonly id: string;
  readonly streamId: string;
  readonly occurredAt: Date;
  readonly previousEvent?: string | null;
  readonly cause: {
    readonly causedBy?: string | null;
    readonly caller: { readonly organizationId: string; readonly livemode: boolean; readonly actor: PublicEvent['actor'] };
    readonly requestId: string | null;
    readonly idempotencyKey: string | null;
  };
}

const NO_PREVIOUS_EVENT = '"previous_event":null';

/** Composes the event object, once: these bytes are the Kafka value. `key` keeps the order of everything in one project. */
export function publicEvent(
  fact: ToldFact,
  told: { type: EventType; projectId: string | null; data: Record<string, unknown> },
): { topic: EventType; key: string; body: string; previousAt?: number } {
  const { caller, requestId, idempotencyKey, causedBy = null } = fact.cause;
  const previousEvent = fact.previousEvent ?? null;
  const event: PublicEvent = {
    id: fact.id,
    object: 'event',
    type: told.type,
    timestamp: fact.occurredAt.toISOString(),
    organization_id: caller.organizationId,
    livemode: caller.livemode,
    position: null,
    subject: fact.streamId,
    project_id: told.projectId,
    previous_event: previousEvent,
    caused_by: causedBy,
    actor: caller.actor,
    request: { id: requestId, idempotency_key: idempotencyKey },
    data: told.data,
  };
  const body = JSON.stringify(event);
  const key = told.projectId ?? fact.streamId;
  if (previousEvent !== null) return { topic: told.type, key, body };
  // It stands before anything that a caller could have written, so the first is the one.
  return { topic: told.type, key, body, previousAt: body.indexOf(NO_PREVIOUS_EVENT) + NO_PREVIOUS_EVENT.length - 'null'.length };
}
