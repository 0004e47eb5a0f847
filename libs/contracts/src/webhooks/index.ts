import { Actor } from '../actors';
import { EVENT_TYPES } from '../events';
import {
  Fixed,
  Flag,
  HeaderMap,
  IdOf,
  Instant,
  Json,
  ListOf,
  MapOf,
  Nested,
  OneOf,
  Quantity,
  SCALAR,
  Scalar,
  Text,
  WholeNumber,
  Words,
} from '../fields';
import { PageQuery } from '../lists';

/** What an endpoint can ask for: a type, all types of one kind, or everything. */
export const EVENT_PATTERNS = [...EVENT_TYPES, ...new Set(EVENT_TYPES.map((type) => `${type.split('.')[0]!}.*`)), '*'];

const LARGEST = Number.MAX_SAFE_INTEGER;

const ORDERINGS = ['none', 'project'] as const;
type Ordering = (typeof ORDERINGS)[number];
const ORDERING =
  '`none`: deliveries may overtake each other; `webhook-sequence` tells their order. `project`: the events of one project (of one subject, where there is no project) are sent in sequence, one at a time; the next waits until the one before is delivered or a dead letter.';
const RATE_LIMIT = 'Attempts that begin in one second, spread evenly. Null: as many as there are places for.';

export const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;
/** Attempts that health looks back on, and deliveries that it counts, at most. */
export const HEALTH_ATTEMPTS_MAX = 1_000;
export const HEALTH_COUNT_MAX = 10_000;
const FILTER_MAX = 10;

export type FilterScalar = string | number | boolean | null;

/** What must hold of one value of the event. Exactly one of these. */
export class FilterCondition {
  @Scalar({ optional: true, description: 'The value is this. What is not there counts as null.' })
  equals?: FilterScalar;
  @ListOf(SCALAR, { min: 1, max: 20, optional: true, description: 'The value is one of these.' })
  in?: FilterScalar[];
  @Flag({ optional: true, description: 'True: there is a value other than null. False: there is none.' })
  exists?: boolean;
}

const onlyProjects = (when: string) => ({ max: 50, optional: true, description: `Only events of these projects. Empty means all.${when}` });

const conditions = (when: string) => ({
  max: FILTER_MAX,
  key: { maxLength: 200 },
  optional: true,
  description: `Only events that meet every condition. Each stands under the dotted path of a value in the event, which begins with a field of the event, such as data. Paths lead through objects, not into lists. Empty means all.${when}`,
  example: { 'data.task.priority': { in: ['urgent', 'high'] }, 'data.task.assignee_id': { exists: true } },
});

export class CreateWebhookEndpointBody {
  @Text({ max: 2_000, description: 'https, or http where the operator allows it.', example: 'https://example.com/hooks' })
  url!: string;

  @Words({ max: 500, optional: true, nullable: true })
  description?: string | null;

  @ListOf(
    { type: 'string', enum: EVENT_PATTERNS },
    {
      max: 50,
      optional: true,
      description:
        'Types, or `task.*`. Empty means everything but `webhook_endpoint.*` and `delivery.*`, which only go to endpoints that name them.',
    },
  )
  events?: string[];

  @ListOf('prj', onlyProjects(''))
  projects?: string[];

  @MapOf(() => FilterCondition, conditions(''))
  filter?: Record<string, FilterCondition>;

  @OneOf(ORDERINGS, { optional: true, description: ORDERING })
  ordering?: Ordering;

  @WholeNumber({ min: 1, max: 64, optional: true, description: 'Attempts under way at one time. Default 16.' })
  max_in_flight?: number;

  @WholeNumber({ min: 1, max: 1_000, optional: true, nullable: true, description: RATE_LIMIT })
  rate_limit_per_second?: number | null;

  @HeaderMap({ optional: true, description: 'Sent with every attempt. Names that we use ourselves are refused.' })
  headers?: Record<string, string>;
}

export class UpdateWebhookEndpointBody {
  @Text({ max: 2_000, optional: true, description: 'Attempts from now on go there, retries of earlier events too.' })
  url?: string;

  @Words({ max: 500, optional: true, nullable: true })
  description?: string | null;

  @ListOf(
    { type: 'string', enum: EVENT_PATTERNS },
    { max: 50, optional: true, description: 'For events from now on. Empty means everything.' },
  )
  events?: string[];

  @ListOf('prj', onlyProjects(' For events from now on.'))
  projects?: string[];

  @MapOf(() => FilterCondition, conditions(' Replaces all of them, for events from now on.'))
  filter?: Record<string, FilterCondition>;

  @OneOf(ORDERINGS, { optional: true, description: 'For events from now on.' })
  ordering?: Ordering;

  @WholeNumber({ min: 1, max: 64, optional: true })
  max_in_flight?: number;

  @WholeNumber({ min: 1, max: 1_000, optional: true, nullable: true, description: RATE_LIMIT })
  rate_limit_per_second?: number | null;

  @HeaderMap({ optional: true, description: 'Replaces all of them.' })
  headers?: Record<string, string>;
}

export class RotateSecretBody {
  @WholeNumber({
    min: 0,
    max: 168,
    optional: true,
    description: 'How long the secrets before sign too. Default 24. With 0 only the new one signs, at once.',
  })
  overlap_hours?: number;
}

export class TestWebhookEndpointBody {
  @OneOf(EVENT_TYPES, { optional: true, description: 'Left out: the first type that the endpoint asks for.' })
  event_type?: (typeof EVENT_TYPES)[number];
}

/** How an endpoint fared in the last 24 hours, by its newest 1,000 attempts. */
export class EndpointHealth {
  @WholeNumber({ min: 0, max: LARGEST, description: 'Attempts in the last 24 hours that the figures are about: the newest 1,000.' })
  attempts_24h!: number;

  @Quantity({ nullable: true, description: 'Share of those that were answered with 2xx; null when there were none.' })
  success_rate_24h!: number | null;

  @Quantity({ nullable: true, description: 'Milliseconds that half of them took at most, from look-up to last byte.' })
  p50_ms!: number | null;

  @Quantity({ nullable: true })
  p95_ms!: number | null;

  @Quantity({ nullable: true })
  p99_ms!: number | null;

  @Instant({ nullable: true, description: 'The first failure since the last success.' })
  failing_since!: string | null;

  @Instant({ nullable: true, description: 'When the oldest delivery that is not done yet was made.' })
  oldest_pending_at!: string | null;

  @WholeNumber({ min: 0, max: LARGEST, description: 'Counted up to 10,000.' })
  pending!: number;

  @WholeNumber({ min: 0, max: LARGEST, description: 'Dead letters that nobody has replayed, counted up to 10,000.' })
  dead!: number;
}

export class WebhookEndpoint {
  @IdOf('whk')
  id!: string;
  @Fixed('webhook_endpoint')
  object!: 'webhook_endpoint';
  @Text({ max: 2_000 })
  url!: string;
  @Text({ max: 500, nullable: true })
  description!: string | null;
  @ListOf({ type: 'string', enum: EVENT_PATTERNS }, { max: 50 })
  events!: string[];
  @ListOf('prj', { max: 50 })
  projects!: string[];
  @MapOf(() => FilterCondition, { max: FILTER_MAX, key: { maxLength: 200 } })
  filter!: Record<string, FilterCondition>;
  @OneOf(['enabled', 'disabled'])
  status!: 'enabled' | 'disabled';
  @Text({ max: 500, nullable: true })
  disabled_reason!: string | null;
  @OneOf(ORDERINGS)
  ordering!: Ordering;
  @WholeNumber({ min: 1, max: 64 })
  max_in_flight!: number;
  @WholeNumber({ min: 1, max: 1_000, nullable: true })
  rate_limit_per_second!: number | null;
  @OneOf(BREAKER_STATES, {
    description:
      'Opens when five attempts in a row got no answer. Then one attempt is under way at a time (`half_open` while it is), until one succeeds. What is due keeps its turn.',
  })
  breaker!: (typeof BREAKER_STATES)[number];
  @HeaderMap()
  headers!: Record<string, string>;
  @Text({ max: 100, nullable: true, description: 'Shown once, in the answer that made it; null ever after.' })
  secret!: string | null;
  @Instant({ nullable: true, description: 'Until then earlier secrets sign too; null when only the newest does.' })
  secrets_expire_at!: string | null;
  @Nested(() => EndpointHealth)
  health!: EndpointHealth;
  @Instant()
  created_at!: string;
  @Instant()
  updated_at!: string;
  @WholeNumber({ min: 1, max: LARGEST })
  version!: number;
}

export class DeletedWebhookEndpoint {
  @IdOf('whk')
  id!: string;
  @Fixed('webhook_endpoint')
  object!: 'webhook_endpoint';
  @Flag()
  deleted!: boolean;
}

export const DELIVERY_STATUSES = ['pending', 'delivered', 'dead', 'cancelled'] as const;

export class Delivery {
  @IdOf('dlv')
  id!: string;
  @Fixed('delivery')
  object!: 'delivery';
  @IdOf('whk')
  endpoint_id!: string;
  @IdOf('evt')
  event_id!: string;
  @OneOf(EVENT_TYPES)
  event_type!: string;
  @WholeNumber({
    min: 0,
    max: LARGEST,
    description:
      'Counts the endpoint’s deliveries, without gaps; the header `webhook-sequence`. A replay has the number of the first; a test has 0.',
  })
  sequence!: number;
  @OneOf(DELIVERY_STATUSES)
  status!: (typeof DELIVERY_STATUSES)[number];
  @WholeNumber({ min: 0, max: 8 })
  attempts_made!: number;
  @Instant({ nullable: true })
  next_attempt_at!: string | null;
  @Instant({ nullable: true })
  delivered_at!: string | null;
  @IdOf('dlv', {
    nullable: true,
    description:
      'Where the endpoint asked for order: the dead letter before this one in its project, which it did not wait for. The header `webhook-passed`.',
  })
  passed!: string | null;
  @IdOf('dlv', { nullable: true, description: 'The first delivery of the event, when this one repeats it.' })
  replay_of!: string | null;
  @IdOf('dlv', { nullable: true, description: 'The newest replay of this one.' })
  replayed_as!: string | null;
  @Instant()
  created_at!: string;
  @Instant()
  updated_at!: string;
  @WholeNumber({ min: 1, max: LARGEST })
  version!: number;
}

export const ATTEMPT_STAGES = [
  'dns',
  'refused_address',
  'connect',
  'tls',
  'timeout_headers',
  'timeout_body',
  'response',
  'status',
  'too_large',
  'expired',
] as const;

export class AttemptFailure {
  @OneOf(ATTEMPT_STAGES, {
    description:
      'Where it failed. `response`: the answer broke off or was not HTTP. `status`: it was answered, but not with 2xx. `expired`: it waited for as long as events are kept, and no attempt was made.',
  })
  stage!: (typeof ATTEMPT_STAGES)[number];
  @Text({ max: 100 })
  code!: string;
  @Text({ min: 0, max: 2_000 })
  detail!: string;
}

export class Attempt {
  @IdOf('att')
  id!: string;
  @Fixed('attempt')
  object!: 'attempt';
  @WholeNumber({ min: 1, max: 8 })
  number!: number;
  @Instant()
  started_at!: string;
  @WholeNumber({ min: 100, max: 999, nullable: true, description: 'As it was answered, also where HTTP knows no such status.' })
  status_code!: number | null;
  @Nested(() => AttemptFailure, { nullable: true })
  error!: AttemptFailure | null;
  @Quantity({ description: 'Milliseconds.' })
  duration_ms!: number;
  @Json({ description: 'Milliseconds by stage: `dns`, `connect`, `first_byte`; null where the stage did not happen.' })
  timings!: Record<string, number | null>;
  @Text({ max: 64, nullable: true, description: 'The address that was connected to.' })
  address!: string | null;
  @Text({ min: 0, max: 4_096, nullable: true, description: 'The first 4 KiB.' })
  response_body!: string | null;
  @Json({ nullable: true })
  response_headers!: Record<string, string> | null;
}

export class DeliveryWithAttempts extends Delivery {
  @ListOf(() => Attempt, { max: 8 })
  attempts!: Attempt[];
}

/** Those of a list, by event type and time; `since` is included, `until` is not. */
class DeliveryFilter extends PageQuery {
  @OneOf(EVENT_TYPES, { optional: true })
  event_type?: string;
  @Instant({ optional: true })
  since?: string;
  @Instant({ optional: true })
  until?: string;
}

export class ListDeliveriesQuery extends DeliveryFilter {
  @OneOf(DELIVERY_STATUSES, { optional: true })
  status?: (typeof DELIVERY_STATUSES)[number];
}

export class DeadLetter extends Delivery {
  @Nested(() => AttemptFailure, { description: 'Why the last attempt failed.' })
  last_error!: AttemptFailure;
}

export class ListDeadLettersQuery extends DeliveryFilter {
  @IdOf('whk', { optional: true })
  endpoint_id?: string;
  @OneOf(ATTEMPT_STAGES, { optional: true, description: 'Where the last attempt failed.' })
  stage?: (typeof ATTEMPT_STAGES)[number];
}

export class EventRequest {
  @Text({ max: 64, nullable: true })
  id!: string | null;
  @Text({ max: 255, nullable: true })
  idempotency_key!: string | null;
}

export class Event {
  @IdOf('evt')
  id!: string;
  @Fixed('event')
  object!: 'event';
  @OneOf(EVENT_TYPES)
  type!: string;
  @Instant()
  timestamp!: string;
  @IdOf('org')
  organization_id!: string;
  @Flag()
  livemode!: boolean;
  @WholeNumber({
    min: 1,
    max: LARGEST,
    nullable: true,
    description: 'Counts the organization’s events in one mode, without gaps. Null only in a test event, which is in no list.',
  })
  position!: number | null;
  @Text({ max: 40, description: 'Id of what the event is about.' })
  subject!: string;
  @IdOf('prj', { nullable: true })
  project_id!: string | null;
  @IdOf('evt', {
    nullable: true,
    description:
      'Id of the event before this one of the same resource, which has a smaller position; null for its first, and in events from before this was told.',
  })
  previous_event!: string | null;
  @IdOf('evt', {
    nullable: true,
    description:
      'Id of the event that brought this one about, which has a smaller position; null when a request did, and in events from before this was told.',
  })
  caused_by!: string | null;
  @Nested(() => Actor)
  actor!: Actor;
  @Nested(() => EventRequest)
  request!: EventRequest;
  @Json({ description: 'The resource as GET would answer it, under its name, and what changed under `previous`.' })
  data!: Record<string, unknown>;
}

export class ListEventsQuery extends PageQuery {
  @WholeNumber({
    min: 0,
    max: LARGEST,
    optional: true,
    description: 'Only events after this position. Left out: from the oldest that is kept.',
  })
  after?: number;
  @OneOf(EVENT_TYPES, { optional: true })
  type?: string;
  @Text({ max: 40, optional: true })
  subject?: string;
  @IdOf('prj', { optional: true })
  project_id?: string;
}

/** One number of an endpoint's sequence. Like an event it has no version: what can change of it is how its delivery fares. */
export class EndpointEvent {
  @Fixed('endpoint_event')
  object!: 'endpoint_event';
  @WholeNumber({ min: 1, max: LARGEST, description: 'Counts without gaps; the header `webhook-sequence`.' })
  sequence!: number;
  @IdOf('dlv', { description: 'The newest delivery under this sequence.' })
  delivery_id!: string;
  @OneOf(DELIVERY_STATUSES)
  delivery_status!: (typeof DELIVERY_STATUSES)[number];
  @Nested(() => Event)
  event!: Event;
}

export class PullEventsQuery extends PageQuery {
  @WholeNumber({ min: 0, max: LARGEST, optional: true, description: 'The last sequence you have. Left out: from the oldest that is kept.' })
  after?: number;
  @WholeNumber({ min: 0, max: 30, optional: true, description: 'Seconds to wait for something newer when there is nothing. Default 0.' })
  wait?: number;
}

export class SendTestEventBody {
  @OneOf(EVENT_TYPES)
  type!: (typeof EVENT_TYPES)[number];
}

export class SentTestEvent {
  @Fixed('test_event')
  object!: 'test_event';
  @Nested(() => Event)
  event!: Event;
  @ListOf(() => Delivery, { max: LARGEST, description: 'One for each endpoint that wants the event.' })
  deliveries!: Delivery[];
}
