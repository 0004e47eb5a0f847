import { inCausalOrder, type Caused } from './causal-order';

/** Small cases whose every interleaving is looked at: which events there are, and in which topic each stands. */
interface Case {
  readonly topics: readonly (readonly Caused[])[];
  /** An event that no topic brings: its owner says that it will not come. */
  readonly gone?: string;
}

/** All there is to know at one moment: the log, what is held, and how far each topic has been handled and its offset moved. */
interface State {
  readonly log: readonly { readonly id: string; readonly outOfOrder: boolean }[];
  readonly held: readonly string[];
  readonly offsets: readonly number[];
  readonly givenUp: boolean;
}

const event = (id: string, previousEvent: string | null = null, causedBy: string | null = null): Caused => ({
  id,
  previousEvent,
  causedBy,
});

/** Breadth first from the start through every move, each state once. */
function explore(small: Case, check: (state: State, moves: readonly State[]) => void): number {
  const start: State = { log: [], held: [], offsets: small.topics.map(() => 0), givenUp: false };
  const seen = new Set([JSON.stringify(start)]);
  const queue = [start];
  for (const state of queue) {
    const next = movesOf(small, state);
    check(state, next);
    for (const one of next) {
      const key = JSON.stringify(one);
      if (!seen.has(key)) {
        seen.add(key);
        queue.push(one);
      }
    }
  }
  return seen.size;
}

/**
 * A batch of one topic, or of two at once, is handled: then the offsets move, or the process is killed before they do and the same comes again. (Killed
 * before the commit, nothing has happened.) Or the owner is asked about what is missing.
 */
function movesOf(small: Case, state: State): State[] {
  const known = new Map(small.topics.flat().map((one) => [one.id, one]));
  const handle = (arrivals: readonly Caused[], offsets: readonly number[], givenUp = state.givenUp): State => {
    const numbered = new Set(state.log.map(({ id }) => id));
    const held = state.held.map((id) => known.get(id)!);
    const arranged = inCausalOrder(arrivals, held, {
      isNumbered: (id) => numbered.has(id),
      isGivenUp: (id) => givenUp && id === small.gone,
    });
    const now = new Set(arranged.numbered.map((one) => one.event.id));
    return {
      log: [...state.log, ...arranged.numbered.map((one) => ({ id: one.event.id, outOfOrder: one.outOfOrder }))],
      held: [...state.held.filter((id) => !now.has(id)), ...arranged.held.map(({ id }) => id)],
      offsets,
      givenUp: false,
    };
  };
  const batches = small.topics.flatMap((topic, index) =>
    [1, 2]
      .map((size) => ({ index, events: topic.slice(state.offsets[index], state.offsets[index]! + size), size }))
      .filter(({ events, size }) => events.length === size),
  );
  const together = batches.flatMap((one) => batches.filter((other) => other.index !== one.index).map((other) => [one, other]));
  const moves = [...batches.map((one) => [one]), ...together].flatMap((handled) => {
    const arrivals = handled.flatMap(({ events }) => events);
    const moved = state.offsets.map((offset, index) => offset + (handled.find((one) => one.index === index)?.size ?? 0));
    return [handle(arrivals, moved), handle(arrivals, state.offsets)];
  });
  return small.gone === undefined ? moves : [...moves, handle([], state.offsets, true)];
}

const CASES: Record<string, Case> = {
  'a project, the tasks it scaffolds and their assignments': {
    topics: [
      [event('project.created')],
      [event('task1.created', null, 'project.created'), event('task2.created', null, 'project.created')],
      [event('task2.assigned', 'task2.created'), event('task1.assigned', 'task1.created')],
    ],
  },
  'a milestone that is reached by the last of its tasks': {
    topics: [
      [event('task.created')],
      [event('task.completed', 'task.created')],
      [event('milestone.added')],
      [event('milestone.reached', 'milestone.added', 'task.completed')],
    ],
  },
  'a resource that changes back and forth between two topics': {
    topics: [
      [event('created'), event('third', 'second'), event('fifth', 'fourth')],
      [event('second', 'created'), event('fourth', 'third')],
    ],
  },
  'an event whose predecessor never comes, beside strangers': {
    topics: [
      [event('orphan', 'never'), event('stranger')],
      [event('heir', 'orphan'), event('reaction', 'stranger', 'heir')],
    ],
    gone: 'never',
  },
};

describe('the order of the log', () => {
  it.each(Object.entries(CASES))('keeps its promise whatever comes first, twice, or after a kill: %s', (_name, small) => {
    const events = new Map(small.topics.flat().map((one) => [one.id, one]));
    const ends = new Set<string>();
    const states = explore(small, ({ log, held, offsets }, moves) => {
      const place = new Map(log.map(({ id }, index) => [id, index]));
      expect(place.size).toBe(log.length);
      expect(held.filter((id) => place.has(id))).toEqual([]);
      expect(new Set(held).size).toBe(held.length);
      for (const { id, outOfOrder } of log) {
        const { previousEvent, causedBy } = events.get(id)!;
        const ahead = [previousEvent, causedBy].filter((one) => one !== null);
        // No event is numbered before its previous event nor before the event that caused it; without one that was given up it is marked.
        expect(ahead.filter((one) => !((place.get(one) ?? Infinity) < place.get(id)!))).toEqual(outOfOrder ? [small.gone] : []);
      }
      // Nothing that has been handled is lost: it has its number, or waits for something that has none.
      small.topics.forEach((topic, index) => {
        for (const { id } of topic.slice(0, offsets[index])) expect(place.has(id) || held.includes(id)).toBe(true);
      });
      for (const id of held) {
        const { previousEvent, causedBy } = events.get(id)!;
        expect([previousEvent, causedBy].some((one) => one !== null && !place.has(one))).toBe(true);
      }
      const isOver = offsets.every((offset, index) => offset === small.topics[index]!.length);
      if (isOver && moves.every((move) => move.log.length === log.length)) ends.add(String(held.length));
    });
    expect(states).toBeGreaterThan(small.topics.flat().length);
    expect([...ends]).toEqual(['0']);
  });

  const nothing = { isNumbered: () => false, isGivenUp: () => false };

  it('keeps the order of arrivals where nothing speaks against it, and puts what waited right behind what it waited for', () => {
    const { numbered, held } = inCausalOrder(
      [event('b', 'a'), event('x'), event('a'), event('y')],
      [event('late', null, 'b'), event('other', 'z')],
      nothing,
    );
    expect(numbered.map((one) => one.event.id)).toEqual(['x', 'a', 'b', 'late', 'y']);
    expect(held).toEqual([]);
  });

  it('holds once what comes twice, and takes no event for its own predecessor', () => {
    const early = event('b', 'a');
    expect(inCausalOrder([early, early, event('self', 'self')], [], nothing)).toEqual({
      numbered: [{ event: event('self', 'self'), outOfOrder: false }],
      held: [early],
    });
    expect(inCausalOrder([early], [early], nothing)).toEqual({ numbered: [], held: [] });
  });

  it('waits for a predecessor that was given up and is here after all', () => {
    const { numbered } = inCausalOrder([event('b', 'a'), event('a')], [], { isNumbered: () => false, isGivenUp: () => true });
    expect(numbered.map((one) => [one.event.id, one.outOfOrder])).toEqual([
      ['a', false],
      ['b', false],
    ]);
  });
});
