import type { DomainEvent } from '../decider';
import type { Aggregate, Upcasters } from './types';

/** An event as its row has it. `task.created` is the first version of that event, `task.created.2` the second: rows of old need no change. */
export interface StoredEvent {
  readonly type: string;
  readonly data: unknown;
}

/** The type under which an event of today's shape is stored. */
export function storedType<State, Event extends DomainEvent>(aggregate: Aggregate<State, Event>, type: Event['type']): string {
  const leftBehind = upcastersOf(aggregate, type).length;
  return leftBehind === 0 ? type : `${type}.${leftBehind + 1}`;
}

/** Reads a stored event of any version as today's code knows it. Whoever folds rows of `events` goes through here. */
export function readEvent<State, Event extends DomainEvent>(aggregate: Aggregate<State, Event>, stored: StoredEvent): Event {
  const [, type, version] = /^(.*?)(?:\.(\d+))?$/.exec(stored.type)!;
  const steps = upcastersOf(aggregate, type!).slice(Number(version ?? 1) - 1);
  return { type, data: steps.reduce<unknown>((data, upcast) => upcast(data as never), stored.data) } as Event;
}

const upcastersOf = <State, Event extends DomainEvent>(aggregate: Aggregate<State, Event>, type: string) =>
  (aggregate.upcasters as Upcasters<DomainEvent> | undefined)?.[type] ?? [];
