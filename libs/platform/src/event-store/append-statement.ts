import type { QueryConfig } from 'pg';
import type { Tenant } from '../caller';
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
  /** Null where the previous public event is known already, or there is none. */
  readonly previousAt: number | null;
  /** JSON. */
  readonly metadata: string;
}

/** One mutation, ready to be stored. */
export interface Append {
  readonly tenant: Tenant;
  readonly facts: readonly StoredFact[];
  readonly changes: readonly Change[];
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
    facts: factsOf(changes, cause, (fact) => withinBytes(publish(fact), valueBytesMax)),
    changes,
    occurredAt: cause.now,
    remembered,
  };
}

/** An id in quotation marks, which the store may write in the place of `null`. */
const PREVIOUS_EVENT_CHARACTERS = 32;

/** How much of a batch a mutation takes up: the texts that travel. */
export const charactersOf = ({ facts, remembered }: Append): number =>
  facts.reduce((sum, { told }) => sum + (told?.body.length ?? 0), remembered?.body.length ?? 0);

/** Longest life of a remembered answer: 24 hours, as the public page promises. */
const REMEMBER_SECONDS = 24 * 60 * 60;

const PARAMETERS = Array.from({ length: 28 }, (_, index) => `$${index + 1}`).join(',');

/** One call of works_append (sql/event-store), prepared once per connection: any number of mutations, one commit. */
export function appendStatement(appends: readonly Append[], lockTimeoutMs: number): QueryConfig {
  const facts = appends.flatMap((append) => append.facts.map((fact) => ({ fact, append })));
  const documents = appends.flatMap((append) => append.changes.map((change) => ({ change, append })));
  const organization = ({ append: { tenant } }: { append: Append }) => tenant.organizationId;
  const livemode = ({ append: { tenant } }: { append: Append }) => tenant.livemode;
  return {
    name: 'works_append',
    text: `select works_append(${PARAMETERS}) as position`,
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
      integers(facts.map(({ fact }) => (fact.previousAt === null ? null : fact.previousAt + 1))),
      texts(facts.map(({ fact }) => fact.metadata)),
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

/** Each event of the changes with the state before and after it, in order. */
function factsOf(changes: readonly Change[], cause: Cause, tell: Publish): StoredFact[] {
  const facts: StoredFact[] = [];
  const metadata = JSON.stringify(metadataOf(cause));
  let announcedBy: string | null = null;
  for (const change of changes) {
    const { evolve } = change.aggregate;
    let before = change.before;
    let previousEvent: string | null = null;
    for (const [index, event] of change.events.entries()) {
      const last = index === change.events.length - 1;
      const after = last ? change.after : evolve(before, event);
      const version = change.expectedVersion + index + 1;
      const fact: Fact = {
        id: newId('evt'),
        event,
        streamId: change.id,
        version,
        previousEvent,
        before,
        after,
        occurredAt: cause.now,
        cause,
      };
      const told = tell(fact);
      const known = index > 0 || change.expectedVersion === 0;
      facts.push({
        storedType: storedType(change.aggregate, event.type),
        told,
        previousAt: known ? null : (told?.previousAt ?? null),
        metadata: told !== null || announcedBy === null ? metadata : JSON.stringify({ ...metadataOf(cause), announced_by: announcedBy }),
        ...fact,
      });
      if (told !== null) announcedBy ??= fact.id;
      previousEvent = told !== null ? fact.id : announcedBy;
      before = after;
    }
  }
  return facts;
}

function withinBytes(told: PublicFact | null, bytesMax: number): PublicFact | null {
  // A character takes at most three bytes in UTF-8 (four for the two of a surrogate pair): most bodies need no counting.
  if (told !== null && (told.body.length + PREVIOUS_EVENT_CHARACTERS) * 3 > bytesMax) {
    const bytes = Buffer.byteLength(told.body) + PREVIOUS_EVENT_CHARACTERS;
    if (bytes > bytesMax) throw new EventTooLarge(told.topic, bytes, bytesMax);
  }
  return told;
}

const metadataOf = (cause: Cause) => ({
  actor: cause.caller.actor,
  request_id: cause.requestId,
  idempotency_key: cause.idempotencyKey,
  traceparent: cause.traceparent,
  ...(cause.causedBy != null && { caused_by: cause.causedBy }),
});
