import type { Caller } from '../caller';
import type { DomainEvent } from '../decider';

/** Where one kind of aggregate lives and how its history is read. */
export interface Aggregate<State, Event extends DomainEvent> {
  /** The document table, declared in a migration with `declare_aggregate('<table>')`. */
  readonly table: string;
  /** Trusts history: never refuses. (A method, so that an Aggregate of tasks is also an Aggregate of anything.) */
  evolve(state: State | null, event: Event): State;
  /** How events that were stored in an older shape are read. Absent while no event has a second version. */
  readonly upcasters?: Upcasters<Event>;
}

/**
 * How older versions of an event are read: for each type one function per version that has been left behind, the oldest first. Each reads the data of
 * its version as the next one's; the last gives the data as the union of today has it. Pure, and never refusing: what is stored happened.
 */
export type Upcasters<Event extends DomainEvent> = {
  readonly [Type in Event['type']]?: readonly [...((data: never) => unknown)[], (data: never) => Extract<Event, { type: Type }>['data']];
};

/** An aggregate as it was read: `version` counts its events, 0 and `null` when it does not exist yet. */
export interface Loaded<State> {
  readonly id: string;
  readonly version: number;
  readonly state: State | null;
}

/** What is to be appended to one stream, with the document that results. Made by `record`. */
export interface Change<State = unknown, Event extends DomainEvent = DomainEvent> {
  readonly aggregate: Aggregate<State, Event>;
  readonly id: string;
  readonly before: State | null;
  readonly after: State;
  /** The version before the first of the events. */
  readonly expectedVersion: number;
  readonly events: readonly Event[];
}

/** One fact on its way to the store: what `publications.ts` gets to see. */
export interface Fact<State = unknown, Event extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly event: Event;
  readonly streamId: string;
  /** The aggregate's version with this event. */
  readonly version: number;
  /**
   * Id of the aggregate's previous public event, as far as it is known here: of the first event of a change the store looks it up as it appends.
   * A private fact is announced by the public event of its own mutation, and that stands for it.
   */
  readonly previousEvent: string | null;
  readonly before: State | null;
  readonly after: State;
  readonly occurredAt: Date;
  readonly cause: Cause;
}

/** What outsiders get: the exact bytes, their topic, and the key that keeps their order. */
export interface PublicFact {
  readonly topic: string;
  readonly key: string;
  /** The whole event object as JSON text; the same bytes on Kafka. */
  readonly body: string;
  /** Where in the body `null` stands for the id of the aggregate's previous public event. Absent in events that do not tell it. */
  readonly previousAt?: number;
}

/** Decides for every fact whether outsiders learn of it, and in which words. Null keeps it private. */
export type Publish = (fact: Fact) => PublicFact | null;

/** Why something is written: who asked, with which request. Reactions make one from the event they react to. */
export interface Cause {
  readonly caller: Caller;
  /** The instant that counts as now for the rules (a test clock may move it). */
  readonly now: Date;
  readonly requestId: string | null;
  readonly idempotencyKey: string | null;
  readonly traceparent: string | null;
  /** Id of the event that a reaction reacts to; null or absent when a request is the cause. */
  readonly causedBy?: string | null;
}

/** One mutation as it came in. */
export interface CommandRequest extends Cause {
  readonly requestId: string;
  readonly idempotencyKey: string;
  /** SHA-256 over method, normalised path with query, and the canonical body: the same key must always come with the same fingerprint. */
  readonly fingerprint: string;
  /** From `If-Match: W/"3", W/"5"`: the versions of which it has to be one; null when the caller did not ask. */
  readonly ifMatch: readonly number[] | null;
}

/** What a mutation answers. Kept with the idempotency key, byte for byte. */
export interface Answer {
  readonly status: number;
  /** JSON; serialized once, then these bytes are sent and remembered. */
  readonly body: unknown;
  /** Version for the ETag, where the answer is one resource. */
  readonly version?: number;
  /** Path below the base address, for 201. */
  readonly location?: string;
  /** It shows a secret: what is remembered of it is sealed. */
  readonly secret?: boolean;
}

/** An answer in its final bytes, as it is sent and as it is remembered. */
export interface RecordedAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the rules decided: the changes (none is fine: already so) and the answer. */
export interface Decision {
  readonly changes: readonly Change[];
  readonly answer: Answer;
  /** Rows that are no aggregates (configuration), written in the same transaction. */
  readonly statements?: readonly Statement[];
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}
