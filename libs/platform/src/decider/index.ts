/**
 * A decider: what may happen (`decide`, in each command) and what it means that it happened (`evolve`).
 * After Jérémie Chassaing's "Functional Event Sourcing Decider".
 */
export interface Evolve<State, Event> {
  /** Trusts history: an event that is in the stream happened, so `evolve` never refuses. `null` is "not yet". */
  (state: State | null, event: Event): State;
}

/** What happened, as the stream keeps it: a name in the past tense and its data, which must be JSON. */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

/** The state that a history adds up to. */
export const fold = <State, Event>(evolve: Evolve<State, Event>, events: readonly Event[], from: State | null = null): State | null =>
  events.reduce<State | null>((state, event) => evolve(state, event), from);
