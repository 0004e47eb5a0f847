import fc from 'fast-check';
import { retryAfterMs } from './retry-after';

describe('Retry-After', () => {
  const now = new Date('1994-11-06T08:48:37.000Z');

  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 60_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 60_000],
    ['Sun Nov  6 08:49:37 1994', 60_000],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
  ])('%p asks for %d ms', (value, expected) => expect(retryAfterMs(value, now)).toBe(expected));

  it.each([undefined, '', '-1', '1.5', '1e9', '0x10', 'soon', '2030-01-01T00:00:00Z', '5, 6', 'Sun, 99 Foo 1994 08:49:37 GMT'])(
    '%p asks for nothing',
    (value) => expect(retryAfterMs(value, now)).toBe(0),
  );

  it('never breaks, and never asks for less than nothing', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => retryAfterMs(value, now) >= 0));
  });
});
