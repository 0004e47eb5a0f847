import { newId } from '../ids';
import type { DomainEvent } from '../decider';
import type { Cause, Change, CommandRequest, Fact, PublicFact, Publish } from './types';

/** What the statement remembers under the idempotency key. */
export interface Remembered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A fact would not fit into the event log; found before anything is stored. */
export class EventTooLarge extends Error {
  constructor(
    readonly type: string,
    readonly bytes: number,
    readonly bytesMax: number,
  ) {
    super(`${type} would take ${bytes} bytes in the event log, the most is ${bytesMax}`);
    this.name = 'EventTooLarge';
  }
}

/** One call of works_append (sql/event-store.sql), prepared once per connection. */
export const APPEND_STATEMENT = {
  name: 'works_append',
  text: 'select works_append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22) as tx',
};

/** Longest life of a remembered answer: 24 hours, as the public page promises. */
const REMEMBER_SECONDS = 24 * 60 * 60;

/** The parameters of the statement. Throws EventTooLarge before anything reaches the database. */
export function appendParameters(
  changes: readonly Change[],
  cause: Cause,
  publish: Publish,
  valueBytesMax: number,
  remembered: (Remembered & Pick<CommandRequest, 'idempotencyKey' | 'fingerprint'>) | null,
): unknown[] {
  const facts = changes.flatMap((change) => factsOf(change, cause));
  const told = facts.map((fact) => withinBytes(publish(fact), valueBytesMax));
  const { organizationId, livemode } = cause.caller;
  return [
    organizationId,
    livemode,
    facts.map((fact) => fact.id),
    facts.map((fact) => fact.streamId),
    facts.map((fact) => fact.version),
    facts.map((fact) => fact.event.type),
    facts.map((fact) => JSON.stringify(fact.event.data)),
    told.map((fact) => fact?.topic ?? null),
    told.map((fact) => fact?.key ?? null),
    told.map((fact) => fact?.body ?? null),
    JSON.stringify(metadataOf(cause)),
    cause.now,
    changes.map((change) => change.aggregate.table),
    changes.map((change) => change.id),
    changes.map((change) => change.expectedVersion + change.events.length),
    changes.map((change) => JSON.stringify(change.after)),
    remembered?.idempotencyKey ?? null,
    remembered?.fingerprint ?? null,
    remembered?.status ?? null,
    remembered ? JSON.stringify(remembered.headers) : null,
    remembered?.body ?? null,
    REMEMBER_SECONDS,
  ];
}

/** Each event of a change with the state before and after it. */
function factsOf<State, Event extends DomainEvent>(change: Change<State, Event>, cause: Cause): Fact[] {
  const { evolve } = change.aggregate;
  let before = change.before;
  return change.events.map((event, index) => {
    const last = index === change.events.length - 1;
    const after = last ? change.after : evolve(before, event);
    const fact = {
      id: newId('evt'),
      event,
      streamId: change.id,
      version: change.expectedVersion + index + 1,
      before,
      after,
      occurredAt: cause.now,
      cause,
    };
    before = after;
    return fact;
  });
}

function withinBytes(told: PublicFact | null, bytesMax: number): PublicFact | null {
  // A character takes at most three bytes in UTF-8 (four for the two of a surrogate pair): most bodies need no counting.
  if (told !== null && told.body.length * 3 > bytesMax) {
    const bytes = Buffer.byteLength(told.body);
    if (bytes > bytesMax) throw new EventTooLarge(told.topic, bytes, bytesMax);
  }
  return told;
}

const metadataOf = (cause: Cause) => ({
  actor: cause.caller.actor,
  request_id: cause.requestId,
  idempotency_key: cause.idempotencyKey,
  traceparent: cause.traceparent,
});
