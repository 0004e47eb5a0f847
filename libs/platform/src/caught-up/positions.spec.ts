import fc from 'fast-check';
import { formatPositions, newest, parsePositions, together, type Position } from './positions';

const MAX = 2n ** 63n - 1n;
const epochs = fc.option(fc.stringMatching(/^e[0-9a-f]{7}$/), { nil: null });
const aPosition = (claimed: boolean): fc.Arbitrary<Position> =>
  fc.record({ epoch: epochs, at: fc.bigInt({ min: 0n, max: MAX }), claimed: fc.constant(claimed) });
const positions = (claimed: boolean) =>
  fc
    .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,32}$/), aPosition(claimed)), { maxLength: 8, selector: ([service]) => service })
    .map((pairs) => new Map(pairs.map(([service, position]) => [service, [position]])));

const at = (epoch: string | null, at: bigint, claimed = false): Position => ({ epoch, at, claimed });

describe('positions', () => {
  it('read back what was written', () => {
    fc.assert(fc.property(positions(true), (each) => expect(parsePositions(formatPositions(each), true)).toEqual(each)));
  });

  it('keep the newest of each service, by number and not by text', () => {
    const pairs = [9n, 100n, 10n, 99n].map((each) => ['tasks', at('e0000001', each)] as const);
    expect(newest(pairs)).toEqual(new Map([['tasks', [at('e0000001', 100n)]]]));
  });

  // After a restore numbers begin lower: what was said last is of the history that goes on.
  it('keep what was said last where epochs differ', () => {
    expect(
      newest([
        ['tasks', at('e0000001', 5_000n)],
        ['tasks', at('e0000002', 12n)],
      ]),
    ).toEqual(new Map([['tasks', [at('e0000002', 12n)]]]));
  });

  it('are claimed only where nothing that is remembered covers them', () => {
    const remembered = new Map([['tasks', [at('e0000001', 10n)]]]);
    const claim = (epoch: string, position: bigint) => new Map([['tasks', [at(epoch, position, true)]]]);
    expect(together(claim('e0000001', 10n), remembered)).toEqual(remembered);
    expect(together(claim('e0000001', 9n), remembered)).toEqual(remembered);
    expect(together(claim('e0000001', 11n), remembered)).toEqual(claim('e0000001', 11n));
    expect(together(claim('e0000002', 1n), remembered)).toEqual(new Map([['tasks', [at('e0000001', 10n), at('e0000002', 1n, true)]]]));
  });

  it('say at least what each of both says', () => {
    fc.assert(
      fc.property(positions(true), positions(false), (claimed, remembered) => {
        const both = together(claimed, remembered);
        for (const side of [claimed, remembered])
          for (const [service, each] of side)
            for (const position of each)
              expect(both.get(service)!.some(({ epoch, at: reached }) => epoch === position.epoch && reached >= position.at)).toBe(true);
      }),
    );
  });

  it('are refused when they are not ours', () => {
    const headers = [
      'tasks',
      'tasks:',
      'tasks:-1',
      ':1',
      'tasks:1;projects:2',
      'tasks:99999999999999999999',
      'Tasks:1',
      'tasks:e1.2',
      'tasks:e0000001.',
    ];
    for (const header of [...headers, `tasks:${MAX + 1n}`, `tasks:e0000001.${MAX + 1n}`]) expect(parsePositions(header, true)).toBeNull();
    expect(parsePositions('', true)).toEqual(new Map());
    expect(parsePositions(undefined, true)).toEqual(new Map());
  });
});
