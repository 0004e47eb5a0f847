import { Actor } from '../actors';
import { EVENT_TYPES } from '../events';
import { Fixed, IdOf, Instant, JsonValue, ListOf, Nested, OneOf, Text, WholeNumber } from '../fields';

/** One field of a resource, before and after an event. */
export class TimelineChange {
  @Text({ max: 100, description: 'Its name in the resource, such as `due_on`.' })
  field!: string;

  @JsonValue({ description: 'What it was.' })
  from!: unknown;

  @JsonValue({ description: 'What it became.' })
  to!: unknown;
}

/** An event as a line that a customer could read. Like the event it never changes, so it has neither `version` nor `updated_at`. */
export class TimelineEntry {
  @IdOf('evt', { description: 'Of the event that it tells of: `GET /events/{id}` has all of it.' })
  id!: string;

  @Fixed('timeline_entry')
  object!: 'timeline_entry';

  @OneOf(EVENT_TYPES)
  type!: string;

  @Text({ max: 2_000, description: 'What happened, in one line. The wording may get better; read `type` and `changes` by program.' })
  text!: string;

  @Instant({ description: 'When it happened: the `timestamp` of the event.' })
  at!: string;

  @WholeNumber({
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    description: 'The `position` of the event. Ascends; what happened elsewhere in the organization leaves gaps.',
  })
  position!: number;

  @IdOf('prj')
  project_id!: string;

  @Text({ max: 40, description: 'Id of what the event is about: the project, or a milestone or task of it.' })
  subject!: string;

  @Nested(() => Actor)
  actor!: Actor;

  @ListOf(() => TimelineChange, { max: 100, description: 'Empty for what was made or only said.' })
  changes!: TimelineChange[];
}
