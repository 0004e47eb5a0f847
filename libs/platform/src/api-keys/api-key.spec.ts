import fc from 'fast-check';
import { hashOfApiKey, isApiKey, newApiKey } from '.';

describe('API keys', () => {
  it('show their mode and pass their own check', () => {
    for (const mode of ['live', 'test'] as const) {
      const key = newApiKey(mode);
      expect(key).toMatch(new RegExp(`^sk_${mode}_[0-9A-Za-z]{49}$`));
      expect(isApiKey(key)).toBe(true);
    }
    expect(newApiKey('live')).not.toBe(newApiKey('live'));
  });

  // A key that was mistyped or cut is refused before anything is looked up.
  it('are refused when any one character is another', () => {
    const key = newApiKey('live');
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.stringMatching(/^[0-9A-Za-z]$/), (place, character) => {
        const other = key.slice(0, place) + character + key.slice(place + 1);
        expect(isApiKey(other)).toBe(other === key);
      }),
    );
    expect(isApiKey(key.replace('live', 'test'))).toBe(false);
    expect(isApiKey(key.slice(0, -1))).toBe(false);
  });

  it('are kept as a hash', () => {
    expect(hashOfApiKey('sk_live_x')).toMatch(/^[0-9a-f]{64}$/);
  });
});
