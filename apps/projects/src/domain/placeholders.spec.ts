import { fill, placeholdersIn } from './placeholders';

describe('placeholders', () => {
  it('are names in double braces, with or without blanks', () => {
    expect(placeholdersIn('Lay {{floor_area}} sq ft in {{ city }} {no} {{}}')).toEqual(['floor_area', 'city', '']);
  });

  it.each<[string, Record<string, string | number>, string]>([
    ['Lay {{area}} sq ft', { area: 12_000 }, 'Lay 12000 sq ft'],
    ['{{a}}-{{b}}-{{ a }}', { a: 'x', b: '2026-11-23' }, 'x-2026-11-23-x'],
    ['Walk {{place}} once', {}, 'Walk once'],
    ['{{place}} walk', {}, 'walk'],
    ['  kept  as it is  ', {}, '  kept  as it is  '],
    ['Say {{a}}', { a: '{{b}} $& $1', b: 'no' }, 'Say {{b}} $& $1'],
    ['{{constructor}}{{toString}}', {}, ''],
  ])('%j with %j is %j', (text, values, filled) => expect(fill(text, values)).toBe(filled));

  // Nobody wants to read an exponent, or a group separator of a language that is not theirs.
  it.each([
    [0.1, '0.1'],
    [1e21, '1000000000000000000000'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1e-7, '0.0000001'],
    [-1_234.5, '-1234.5'],
    [-0, '0'],
  ])('prints %d plainly', (number, printed) => expect(fill('{{n}}', { n: number })).toBe(printed));
});
