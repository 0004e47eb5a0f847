import fc from 'fast-check';
import { formatPositions, newest, parsePositions } from './positions';

const positions = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,32}$/), fc.bigInt({ min: 0n, max: 2n ** 62n })), {
  maxLength: 8,
  selector: ([service]) => service,
});

describe('positions', () => {
  it('read back what was written', () => {
    fc.assert(
      fc.property(positions, (pairs) => {
        expect(parsePositions(formatPositions(new Map(pairs)))).toEqual(new Map(pairs));
      }),
    );
  });

  it('keep the newest of each service', () => {
    expect(
      newest([
        ['tasks', 9n],
        ['tasks', 10n],
        ['tasks', 2n],
      ]),
    ).toEqual(new Map([['tasks', 10n]]));
  });

  it('are refused when they are not ours', () => {
    for (const header of ['tasks', 'tasks:', 'tasks:-1', ':1', 'tasks:1;projects:2', 'tasks:99999999999999999999', 'Tasks:1']) {
      expect(parsePositions(header)).toBeNull();
    }
    expect(parsePositions('')).toEqual(new Map());
    expect(parsePositions(undefined)).toEqual(new Map());
  });
});
