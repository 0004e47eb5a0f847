import fc from 'fast-check';
import { deriveKey } from '../config';
import { signCaller, verifyCaller, type Caller } from '.';

const KEY = deriveKey('a secret for specs that is long enough', 'caller');
const NOW_MS = Date.parse('2026-11-23T10:00:00Z');

const callers: fc.Arbitrary<Caller> = fc.record({
  organizationId: fc.string(),
  livemode: fc.boolean(),
  actor: fc.record({ type: fc.constantFrom('api_key', 'agent', 'system'), id: fc.string({ unit: 'grapheme' }) }),
  scopes: fc.array(fc.string()),
  timeZone: fc.string(),
});

describe('the signed caller', () => {
  it('arrives as it was sent, as long as it lives', () => {
    fc.assert(
      fc.property(callers, fc.integer({ min: 0, max: 29_999 }), (caller, laterMs) => {
        const header = signCaller(caller, KEY, NOW_MS);
        expect(verifyCaller(header, KEY, NOW_MS + laterMs)).toEqual({ caller, expiresAt: NOW_MS + 30_000 });
        expect(verifyCaller(header, KEY, NOW_MS + 30_000)).toBeNull();
        expect(header).toMatch(/^[\w-]+\.[\w-]+$/);
      }),
    );
  });

  // Guarantees that nobody can become another caller by editing what the gateway signed.
  it('is refused when any character of its payload is another', () => {
    fc.assert(
      fc.property(callers, fc.nat(), fc.constantFrom(...'ABCxyz019-_'), (caller, at, character) => {
        const header = signCaller(caller, KEY, NOW_MS);
        const place = at % header.indexOf('.');
        fc.pre(header[place] !== character);
        expect(verifyCaller(header.slice(0, place) + character + header.slice(place + 1), KEY, NOW_MS)).toBeNull();
      }),
    );
  });

  it('is refused whatever else it is', () => {
    fc.assert(fc.property(fc.option(fc.string(), { nil: undefined }), (header) => expect(verifyCaller(header, KEY, NOW_MS)).toBeNull()));
  });

  it('is refused with the key of another purpose', () => {
    const header = signCaller(
      { organizationId: 'org_1', livemode: true, actor: { type: 'system', id: 'x' }, scopes: [], timeZone: 'UTC' },
      KEY,
      NOW_MS,
    );
    expect(verifyCaller(header, deriveKey('a secret for specs that is long enough', 'cursor'), NOW_MS)).toBeNull();
  });
});
