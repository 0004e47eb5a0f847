import fc from 'fast-check';
import { RuleViolation } from '@works/platform/errors';
import { makeRoomAt, moveTo, type Place } from './milestone-order';

interface Placed {
  id: string;
  position: number;
}

const row = (count: number): Placed[] => Array.from({ length: count }, (_, index) => ({ id: `m${index + 1}`, position: index + 1 }));
const after = (before: readonly Placed[], places: readonly Place<Placed>[]): Placed[] =>
  before
    .map(({ id, position }) => ({ id, position: places.find(({ milestone }) => milestone.id === id)?.position ?? position }))
    .sort((a, b) => a.position - b.position);

describe('the order of milestones', () => {
  const moves = fc
    .integer({ min: 1, max: 12 })
    .chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 1, max: count }), fc.integer({ min: 1, max: count })));

  it('has no gap and nothing twice after a move, and those who were not passed keep their order', () => {
    fc.assert(
      fc.property(moves, ([count, from, to]) => {
        const before = row(count);
        const result = after(before, moveTo(before, `m${from}`, to));
        expect(result.map(({ position }) => position)).toEqual(before.map(({ position }) => position));
        expect(result[to - 1]!.id).toBe(`m${from}`);
        expect(result.filter(({ id }) => id !== `m${from}`)).toEqual(
          before.filter(({ id }) => id !== `m${from}`).map(({ id }) => expect.objectContaining({ id })),
        );
      }),
    );
  });

  // What makes moves safe side by side: two that overlap always change a milestone in common.
  it('changes exactly what lies between the old place and the new one', () => {
    fc.assert(
      fc.property(moves, ([count, from, to]) => {
        const between = row(count).slice(Math.min(from, to) - 1, Math.max(from, to));
        const changed = moveTo(row(count), `m${from}`, to).map(({ milestone }) => milestone.position);
        expect(changed.sort((a, b) => a - b)).toEqual(from === to ? [] : between.map(({ position }) => position));
      }),
    );
  });

  it('makes room for exactly one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.nat(), (count, dice) => {
        const position = (dice % (count + 1)) + 1;
        const taken = after(row(count), makeRoomAt(row(count), position)).map((one) => one.position);
        expect([...taken, position].sort((a, b) => a - b)).toEqual(row(count + 1).map((one) => one.position));
      }),
    );
  });

  it('has no place beyond the last', () => {
    for (const beyond of [() => moveTo(row(3), 'm1', 4), () => makeRoomAt(row(3), 5)]) expect(beyond).toThrow(RuleViolation);
  });
});
