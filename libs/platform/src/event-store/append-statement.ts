import type { QueryConfig } from 'pg';
import type { Tenant } from '../caller';
import type { DomainEvent } from '../decider';
import { newId } from '../ids';
import { booleans, instants, integers, texts } from '../postgres';
import type { Cause, Change, CommandRequest, Fact, PublicFact, Publish } from './types';
import { storedType } from './upcasting';

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

/** One fact, ready to be stored. */
interface StoredFact extends Fact {
  readonly storedType: string;
  readonly told: PublicFact | null;
}

/** One mutation, ready to be stored. */
export interface Append {
  readonly tenant: Tenant;
  readonly facts: readonly StoredFact[];
  readonly changes: readonly Change[];
  readonly metadata: string;
  readonly occurredAt: Date;
  readonly remembered: (Remembered & Pick<CommandRequest, 'idempotencyKey' | 'fingerprint'>) | null;
}

/** Throws EventTooLarge before anything reaches the database. */
export function appendOf(
  changes: readonly Change[],
  cause: Cause,
  publish: Publish,
  valueBytesMax: number,
  remembered: Append['remembered'],
): Append {
  return {
    tenant: cause.caller,
    facts: changes.flatMap((change) => factsOf(change, cause, (fact) => withinBytes(publish(fact), valueBytesMax))),
    changes,
    metadata: JSON.stringify(metadataOf(cause)),
    occurredAt: cause.now,
    remembered,
  };
}

/** How much of a batch a mutation takes up: the texts that travel. */
export const charactersOf = ({ facts, remembered }: Append): number =>
  facts.reduce((sum, { told }) => sum + (told?.body.length ?? 0), remembered?.body.length ?? 0);

/** Longest life of a remembered answer: 24 hours, as the public page promises. */
const REMEMBER_SECONDS = 24 * 60 * 60;

const PARAMETERS = Array.from({ length: 27 }, (_, index) => `$${index + 1}`).join(',');

/** One call of works_append (sql/event-store), prepared once per connection: any number of mutations, one commit. */
export function appendStatement(appends: readonly Append[], lockTimeoutMs: number): QueryConfig {
  const facts = appends.flatMap((append) => append.facts.map((fact) => ({ fact, append })));
  const documents = appends.flatMap((append) => append.changes.map((change) => ({ change, append })));
  const organization = ({ append: { tenant } }: { append: Append }) => tenant.organizationId;
  const livemode = ({ append: { tenant } }: { append: Append }) => tenant.livemode;
  return {
    name: 'works_append',
    text: `select works_append(${PARAMETERS}) as tx`,
    values: [
      texts(appends.map(({ tenant }) => tenant.organizationId)),
      booleans(appends.map(({ tenant }) => tenant.livemode)),
      texts(appends.map(({ remembered }) => remembered?.idempotencyKey ?? null)),
      texts(appends.map(({ remembered }) => remembered?.fingerprint ?? null)),
      integers(appends.map(({ remembered }) => remembered?.status ?? null)),
      texts(appends.map(({ remembered }) => (remembered === null ? null : JSON.stringify(remembered.headers)))),
      texts(appends.map(({ remembered }) => remembered?.body ?? null)),

      texts(facts.map(organization)),
      booleans(facts.map(livemode)),
      texts(facts.map(({ fact }) => fact.id)),
      texts(facts.map(({ fact }) => fact.streamId)),
      integers(facts.map(({ fact }) => fact.version)),
      texts(facts.map(({ fact }) => fact.storedType)),
      texts(facts.map(({ fact }) => JSON.stringify(fact.event.data))),
      texts(facts.map(({ fact }) => fact.told?.topic ?? null)),
      texts(facts.map(({ fact }) => fact.told?.key ?? null)),
      texts(facts.map(({ fact }) => fact.told?.body ?? null)),
      texts(facts.map(({ append }) => append.metadata)),
      instants(facts.map(({ append }) => append.occurredAt)),

      texts(documents.map(organization)),
      booleans(documents.map(livemode)),
      texts(documents.map(({ change }) => change.aggregate.table)),
      texts(documents.map(({ change }) => change.id)),
      integers(documents.map(({ change }) => change.expectedVersion + change.events.length)),
      texts(documents.map(({ change }) => JSON.stringify(change.after))),

      REMEMBER_SECONDS,
      `${lockTimeoutMs}ms`,
    ],
  };
}

/** Each event of a change with the state before and after it. */
function factsOf<State, Event extends DomainEvent>(change: Change<State, Event>, cause: Cause, tell: Publish): StoredFact[] {
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
    return { storedType: storedType(change.aggregate, event.type), told: tell(fact), ...fact };
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
