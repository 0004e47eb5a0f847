import { EVENT_TYPES } from '../events';
import { Fixed, Flag, IdOf, Instant, Nested, OneOf, WholeNumber } from '../fields';
import { PageQuery } from '../lists';
import { ATTEMPT_STAGES } from '../webhooks';

const LARGEST = Number.MAX_SAFE_INTEGER;

export const REPLAY_STATUSES = ['running', 'paused', 'completed', 'cancelled'] as const;
export const REPLAY_KINDS = ['dead_letters', 'events'] as const;

export class ReplayFilter {
  @IdOf('whk', { optional: true })
  endpoint_id?: string;
  @OneOf(EVENT_TYPES, { optional: true })
  event_type?: string;
  @OneOf(ATTEMPT_STAGES, { optional: true, description: 'Where the last attempt failed.' })
  stage?: (typeof ATTEMPT_STAGES)[number];
  @Instant({ optional: true, description: 'Dead since then, that instant included.' })
  since?: string;
  @Instant({ optional: true, description: 'Dead before then.' })
  until?: string;
}

class ReplayOptions {
  @WholeNumber({ min: 1, max: 1_000, optional: true, description: 'Deliveries made per second at most. Default 100.' })
  rate_per_second?: number;
  @Flag({ optional: true, description: 'Only count: answers 200 with what the job would replay, and writes nothing.' })
  dry_run?: boolean;
}

export class ReplayDeadLettersBody extends ReplayOptions {
  @Nested(() => ReplayFilter, { optional: true, description: 'As in `GET /dead_letters`. Left out: all of them.' })
  filter?: ReplayFilter;
}

/** One of the two says where to begin; the command refuses both and neither. */
export class ReplayEventsBody extends ReplayOptions {
  @WholeNumber({ min: 1, max: LARGEST, optional: true, description: 'The `position` of the first event. Give this or `since`.' })
  from_position?: number;
  @Instant({ optional: true, description: 'Events that happened since then, that instant included. Give this or `from_position`.' })
  since?: string;
}

export class AppliedReplayFilter {
  @IdOf('whk', { nullable: true })
  endpoint_id!: string | null;
  @OneOf(EVENT_TYPES, { nullable: true })
  event_type!: string | null;
  @OneOf(ATTEMPT_STAGES, { nullable: true })
  stage!: (typeof ATTEMPT_STAGES)[number] | null;
  @Instant({ nullable: true })
  since!: string | null;
  @Instant({ nullable: true })
  until!: string | null;
  @WholeNumber({ min: 1, max: LARGEST, nullable: true, description: 'For `events`: the position of the first.' })
  from_position!: number | null;
}

export class ReplayProgress {
  @WholeNumber({ min: 0, max: LARGEST, description: 'What the job found when it was made. Later ones are not part of it.' })
  total!: number;
  @WholeNumber({ min: 0, max: LARGEST, description: 'Deliveries made.' })
  replayed!: number;
  @WholeNumber({
    min: 0,
    max: LARGEST,
    description: 'Known at the end: what needed no replay any more, as it was under way already or had been replayed by somebody else.',
  })
  skipped!: number;
  @WholeNumber({ min: 0, max: LARGEST })
  remaining!: number;
}

export class Replay {
  @IdOf('rpl')
  id!: string;
  @Fixed('replay')
  object!: 'replay';
  @OneOf(REPLAY_KINDS, { description: '`dead_letters` are given eight more attempts; `events` are an endpoint’s, from the log.' })
  kind!: (typeof REPLAY_KINDS)[number];
  @Nested(() => AppliedReplayFilter)
  filter!: AppliedReplayFilter;
  @WholeNumber({ min: 1, max: 1_000 })
  rate_per_second!: number;
  @OneOf(REPLAY_STATUSES)
  status!: (typeof REPLAY_STATUSES)[number];
  @Nested(() => ReplayProgress)
  progress!: ReplayProgress;
  @Instant({ nullable: true, description: 'When it was completed or cancelled.' })
  ended_at!: string | null;
  @Instant()
  created_at!: string;
  @Instant()
  updated_at!: string;
  @WholeNumber({ min: 1, max: LARGEST })
  version!: number;
}

/** What a job would do. It is none: it has no id, and nothing of it is kept. */
export class ReplayPreview {
  @Fixed('replay_preview')
  object!: 'replay_preview';
  @Flag()
  dry_run!: boolean;
  @OneOf(REPLAY_KINDS)
  kind!: (typeof REPLAY_KINDS)[number];
  @Nested(() => AppliedReplayFilter)
  filter!: AppliedReplayFilter;
  @WholeNumber({ min: 1, max: 1_000 })
  rate_per_second!: number;
  @WholeNumber({ min: 0, max: LARGEST })
  total!: number;
  @WholeNumber({ min: 0, max: LARGEST, description: 'Seconds that the job takes at this rate, at least.' })
  seconds!: number;
}

export class ListReplaysQuery extends PageQuery {
  @OneOf(REPLAY_STATUSES, { optional: true })
  status?: (typeof REPLAY_STATUSES)[number];
}
