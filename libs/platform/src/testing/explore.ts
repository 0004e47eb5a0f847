export interface Exploration<State> {
  /** Plain data: two states are the same when `nameOf` says so. */
  readonly initial: State;
  /** Everything that can happen next, with words for the trail: kills, losses and redeliveries are moves like any other. */
  moves(state: State): Iterable<readonly [move: string, next: State]>;
  /** Throws where a state breaks the promise. Seen once for each state. */
  check(state: State): void;
  /** Default: the state as JSON. States that differ only in what does not matter may share a name. */
  nameOf?(state: State): string;
  /** More states than this are no small case any more. Default: a million. */
  readonly statesMax?: number;
}

export interface Explored {
  readonly states: number;
  /** Steps on the shortest way to the state that is the farthest away. */
  readonly depth: number;
}

/** The shortest way to a state that breaks the promise. */
export class BrokenPromise extends Error {
  constructor(
    readonly trail: readonly string[],
    override readonly cause: unknown,
  ) {
    super(
      `${cause instanceof Error ? cause.message : String(cause)}\nafter ${trail.length} steps:\n${trail.map((move) => `  ${move}`).join('\n')}`,
    );
    this.name = 'BrokenPromise';
  }
}

/**
 * Visits every state that can be reached, the nearest first, and checks each. Throws BrokenPromise with a shortest trail, whether a state or a move
 * out of it went wrong.
 */
export function explore<State>(exploration: Exploration<State>): Explored {
  const { initial, moves, check, nameOf = (state: State) => JSON.stringify(state), statesMax = 1_000_000 } = exploration;
  const states: State[] = [initial];
  /** From where each state was first reached, and by which move; its place is that of the state. */
  const reached: { from: number; move: string; depth: number }[] = [{ from: -1, move: '', depth: 0 }];
  const seen = new Set([nameOf(initial)]);
  const trailTo = (at: number): string[] => (at <= 0 ? [] : [...trailTo(reached[at]!.from), reached[at]!.move]);

  for (let at = 0; at < states.length; at++) {
    try {
      check(states[at]!);
      for (const [move, next] of moves(states[at]!)) {
        const name = nameOf(next);
        if (seen.has(name)) continue;
        if (seen.size === statesMax) throw new Error(`There are more than ${statesMax} states`);
        seen.add(name);
        states.push(next);
        reached.push({ from: at, move, depth: reached[at]!.depth + 1 });
      }
    } catch (error) {
      throw new BrokenPromise(trailTo(at), error);
    }
  }
  return { states: states.length, depth: reached.at(-1)!.depth };
}
