import fc from 'fast-check';
import { standing, type Epoch } from './epochs';

/** What a client was told, and the last fact that it has thereby seen. */
interface Told {
  readonly epoch: string;
  readonly at: bigint;
}

/** A store through its restores: which facts it still has, and which positions it has told. */
interface History {
  readonly epochs: readonly Epoch[];
  /** By position, the write that stands there; after a restore another write may stand where one was lost. */
  readonly facts: ReadonlyMap<bigint, number>;
  readonly newest: bigint;
  readonly told: readonly (Told & { readonly seen: ReadonlyMap<bigint, number> })[];
  readonly backups: readonly Omit<History, 'told' | 'backups' | 'writes' | 'tags'>[];
  readonly writes: number;
  readonly tags: number;
}

const STARTS: readonly bigint[] = [0n, 8n, 98n, 2n ** 31n - 2n, 2n ** 53n - 2n];

const newStore = (newest: bigint): History => ({
  epochs: [{ tag: 'e0000001', beginsAfter: newest }],
  facts: new Map(),
  newest,
  told: [],
  backups: [],
  writes: 0,
  tags: 1,
});

type Move = (history: History) => History | null;

const write: Move = (h) => {
  if (h.writes === 3) return null;
  const newest = h.newest + 1n;
  const facts = new Map(h.facts).set(newest, h.writes);
  const told = { epoch: h.epochs.at(-1)!.tag, at: newest, seen: facts };
  return { ...h, newest, facts, writes: h.writes + 1, told: [...h.told, told] };
};
const backUp: Move = ({ epochs, facts, newest, ...h }) =>
  h.backups.length === 2 ? null : { ...h, epochs, facts, newest, backups: [...h.backups, { epochs, facts, newest }] };
const restore =
  (which: number): Move =>
  (h) => {
    const backup = h.backups[which];
    if (backup === undefined || h.tags === 3) return null;
    const tag = `e000000${h.tags + 1}`;
    return { ...h, ...backup, epochs: [...backup.epochs, { tag, beginsAfter: backup.newest }], tags: h.tags + 1 };
  };
const MOVES: readonly Move[] = [write, backUp, restore(0), restore(1)];

/** Every history that these moves can make. */
function* histories(): Generator<History> {
  const next = STARTS.map(newStore);
  const known = new Set<string>();
  for (let history = next.pop(); history !== undefined; history = next.pop()) {
    yield history;
    for (const move of MOVES) {
      const after = move(history);
      if (after === null) continue;
      const name = JSON.stringify(after, (_key, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value instanceof Map ? [...value.entries()].map(([at, w]) => `${at}=${w}`) : value,
      );
      if (!known.has(name)) next.push(after);
      known.add(name);
    }
  }
}

describe('a position in the present history', () => {
  // "Counts as reached once the restore is complete": whoever waits for it has everything of it that is still there, and waits for nothing that is not.
  it('covers what its client has seen and the store still has, after every sequence of writes, backups and restores', () => {
    let looked = 0;
    let lost = 0;
    for (const { epochs, facts, newest, told } of histories()) {
      looked++;
      for (const { seen, ...position } of told) {
        const at = standing(epochs, newest, position);
        const isLost = !epochs.some(({ tag }) => tag === position.epoch);
        if (isLost !== (at === null))
          throw new Error(`${position.epoch}.${position.at} stands at ${at} although its epoch is ${isLost ? 'lost' : 'known'}`);
        if (at === null) lost++;
        if (at === null) continue;
        // No matcher here: there are tens of thousands of histories.
        const missed = [...seen].filter(([position, write]) => facts.get(position) === write && position > at);
        if (at > newest || missed.length > 0)
          throw new Error(`${position.epoch}.${position.at} stands at ${at}, newest ${newest}, missed ${String(missed)}`);
      }
    }
    expect(looked).toBeGreaterThan(1_000);
    expect(lost).toBeGreaterThan(0);
  });

  it('is none beyond the newest, and none of an epoch that never was', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 2n }), fc.bigInt({ min: 1n, max: 100n }), (newest, beyond) => {
        const epochs = [{ tag: 'e0000001', beginsAfter: 0n }];
        expect(standing(epochs, newest, { epoch: 'e0000001', at: newest })).toBe(newest);
        expect(standing(epochs, newest, { epoch: 'e0000001', at: newest + beyond })).toBeNull();
        expect(standing(epochs, newest, { epoch: 'e0000002', at: 0n })).toBeNull();
      }),
    );
  });

  it('of an answer from before there were epochs is where the first of them began', () => {
    const epochs = [
      { tag: 'e0000001', beginsAfter: 40n },
      { tag: 'e0000002', beginsAfter: 90n },
    ];
    expect(standing(epochs, 100n, { epoch: null, at: 7_000_000n })).toBe(40n);
  });
});
