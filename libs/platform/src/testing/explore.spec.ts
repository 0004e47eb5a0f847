import { BrokenPromise, explore } from './explore';

/** Two counters that are read and written in two steps each: the classic lost update. */
interface Racing {
  readonly total: number;
  readonly readBy: readonly [number | null, number | null];
  readonly done: readonly [boolean, boolean];
}
const RACE: Racing = { total: 0, readBy: [null, null], done: [false, false] };

function* steps({ total, readBy, done }: Racing): Iterable<[string, Racing]> {
  for (const who of [0, 1]) {
    const set = <T>(pair: readonly [T, T], value: T): [T, T] => (who === 0 ? [value, pair[1]] : [pair[0], value]);
    if (done[who]) continue;
    const read = readBy[who];
    if (read == null) yield [`${who} reads`, { total, readBy: set(readBy, total), done }];
    else yield [`${who} writes`, { total: read + 1, readBy, done: set(done, true) }];
  }
}

describe('exploring every interleaving', () => {
  it('visits each state once, the nearest first', () => {
    const seen: number[] = [];
    const explored = explore<number>({
      initial: 1,
      *moves(state) {
        if (state < 8) yield* [['double', state * 2] as const, ['add', state + 1] as const];
      },
      check: (state) => void seen.push(state),
    });
    expect(seen).toEqual([1, 2, 4, 3, 8, 5, 6, 10, 12, 7, 14]);
    expect(explored).toEqual({ states: 11, depth: 5 });
  });

  it('finds a broken promise and tells a shortest way to it', () => {
    const attempt = () =>
      explore<Racing>({
        initial: RACE,
        moves: steps,
        check: ({ total, done }) => {
          if (done[0] && done[1] && total !== 2) throw new Error('an update was lost');
        },
      });
    expect(attempt).toThrow(BrokenPromise);
    expect(attempt).toThrow('an update was lost\nafter 4 steps:\n  0 reads\n  1 reads\n  0 writes\n  1 writes');
  });

  it('does not go on for ever', () => {
    const endless = { initial: 0, statesMax: 100, moves: (state: number) => [['on', state + 1] as const], check: () => undefined };
    expect(() => explore(endless)).toThrow('more than 100 states');
  });
});
