import type { DomainEvent } from '../decider';
import type { Aggregate, Change, Loaded } from './types';

/** An aggregate that does not exist yet. */
export const fresh = <State>(id: string): Loaded<State> => ({ id, version: 0, state: null });

/** Folds new events onto what was loaded. At least one event: "already so" makes no change at all. */
export function record<State, Event extends DomainEvent>(
  aggregate: Aggregate<State, Event>,
  loaded: Loaded<State>,
  events: readonly [Event, ...Event[]] | readonly Event[],
): Change<State, Event> {
  const [first, ...rest] = events;
  if (first === undefined) throw new Error(`A change of ${loaded.id} needs at least one event`);
  const after = rest.reduce<State>((state, event) => aggregate.evolve(state, event), aggregate.evolve(loaded.state, first));
  return { aggregate, id: loaded.id, before: loaded.state, after, expectedVersion: loaded.version, events };
}
