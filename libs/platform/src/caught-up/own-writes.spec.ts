import { explore } from '../testing/explore';
import { handledThrough } from './coverage';

/** One caller's writes under one key, from the drawing of a position to what a read of another service shows. */
interface Facts {
  /** By position, from 1. A fact may commit after one with a higher position. */
  readonly facts: readonly ('drawn' | 'committed' | 'rolled back')[];
  /** Positions of facts that the reading service has handled. */
  readonly handled: readonly number[];
  /** Whose write has been answered: what a read must show. */
  readonly answered: readonly number[];
  /** The newest position that the gateway remembers of these answers. */
  readonly seen: number;
  /** Through which the reading service believes to have handled the key's facts. */
  readonly believed: number;
  /** What the last read did not show, though it was answered. */
  readonly missing: readonly number[];
}

const FACTS = 4;

const isOpen = (fact: string): boolean => fact === 'drawn';
const settledOf = ({ facts }: Facts): number => {
  const open = facts.findIndex(isOpen);
  return open === -1 ? facts.length : open;
};

type Remember = (standing: bigint, settled: bigint) => bigint;

function* moves(state: Facts, remember: Remember): Generator<readonly [string, Facts]> {
  const { facts, handled, answered, seen, believed } = state;
  if (facts.length < FACTS) yield [`draw ${facts.length + 1}`, { ...state, facts: [...facts, 'drawn'] }];
  for (const [index, fact] of facts.entries()) {
    const at = index + 1;
    const becomes = (other: 'committed' | 'rolled back') => facts.map((one, place) => (place === index ? other : one));
    if (isOpen(fact)) {
      yield [`commit ${at}`, { ...state, facts: becomes('committed') }];
      yield [`roll back ${at}`, { ...state, facts: becomes('rolled back') }];
    }
    if (fact === 'committed' && !handled.includes(at)) yield [`the log brings ${at}`, { ...state, handled: [...handled, at].sort() }];
    // The position in an answer is the newest that had been drawn when the write was made; its own at least.
    for (let told = at; fact === 'committed' && !answered.includes(at) && told <= facts.length; told++)
      yield [`answer ${at} with ${told}`, { ...state, answered: [...answered, at].sort(), seen: Math.max(seen, told) }];
  }
  yield ['read', readOf(state, remember)];
  if (believed > 0) yield ['restart the reading service', { ...state, believed: 0 }];
}

function readOf(state: Facts, remember: Remember): Facts {
  const { facts, handled, answered, seen, believed } = state;
  const fetched =
    seen <= believed ? [] : facts.flatMap((fact, index) => (fact === 'committed' && index < seen && index >= believed ? [index + 1] : []));
  const known = [...new Set([...handled, ...fetched])].sort();
  const now = seen <= believed ? believed : Math.max(believed, Number(remember(BigInt(seen), BigInt(settledOf(state)))));
  return { ...state, handled: known, believed: now, missing: answered.filter((at) => !known.includes(at)) };
}

const explored = (remember: Remember) =>
  explore<Facts>({
    initial: { facts: [], handled: [], answered: [], seen: 0, believed: 0, missing: [] },
    moves: (state) => moves(state, remember),
    check: ({ missing }) => {
      if (missing.length > 0) throw new Error(`What was answered is not in: ${missing.join(', ')}`);
    },
  });

describe('what a client was answered', () => {
  it('is in whatever it reads next, however writes overlap', () => {
    expect(explored(handledThrough).states).toBeGreaterThan(1_000);
  });

  // Positions are drawn before commits: without this the first of two writes that overlap would be missed by whoever has read the second.
  it('would not be if what was not settled were remembered', () => {
    expect(() => explored((standing) => standing)).toThrow('What was answered is not in');
  });
});
