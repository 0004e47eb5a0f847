import fc from 'fast-check';
import { CannotOpen, isSealed, Keyring } from '.';

const OLD = 'the key of last year, long enough to be one';
const NEW = 'the key of this year, long enough to be one';

describe('a keyring', () => {
  it('opens what it has sealed, whatever the text, and shows nothing of it', () => {
    const keyring = new Keyring([NEW]);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, context) => {
        const sealed = keyring.seal(text, context);
        expect(keyring.open(sealed, context)).toBe(text);
        expect(isSealed(sealed) && /^sealed\.[0-9a-f]{8}\.[\w-]+$/.test(sealed)).toBe(true);
      }),
    );
    const sealed = keyring.seal('whsec_abcdefgh', 'whk_1');
    expect(Buffer.from(sealed.split('.')[2]!, 'base64url').toString('latin1')).not.toContain('whsec_');
    expect(keyring.seal('whsec_abcdefgh', 'whk_1')).not.toBe(sealed);
  });

  it('seals with its first key and opens with any', () => {
    const [before, during, after] = [new Keyring([OLD]), new Keyring([NEW, OLD]), new Keyring([NEW])];
    const [old, fresh] = [before.seal('a', 'x'), during.seal('b', 'x')];
    expect([during.open(old, 'x'), after.open(fresh, 'x')]).toEqual(['a', 'b']);
    expect([during.isSealedAnew(old), during.isSealedAnew(fresh), during.isSealedAnew('b')]).toEqual([false, true, false]);
  });

  it('says which key is missing, and no key', () => {
    const [ours, theirs] = [new Keyring([NEW]), new Keyring([OLD])];
    const sealed = theirs.seal('a', 'x');
    expect(() => ours.open(sealed, 'x')).toThrow(
      new CannotOpen(`sealed with the key ${theirs.firstKeyId}, and the configured keys are ${ours.firstKeyId}`),
    );
  });

  // Who can write to the table could otherwise give one endpoint the secret of another.
  it('opens nothing that was changed, cut off, or sealed for another place', () => {
    const keyring = new Keyring([NEW]);
    const sealed = keyring.seal('whsec_abcdefgh', 'whk_1');
    const start = sealed.lastIndexOf('.') + 1;
    expect(() => keyring.open(sealed, 'whk_2')).toThrow(CannotOpen);
    fc.assert(
      fc.property(fc.integer({ min: start, max: sealed.length - 2 }), (at) => {
        const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
        expect(() => keyring.open(changed, 'whk_1')).toThrow(CannotOpen);
        expect(() => keyring.open(sealed.slice(0, at), 'whk_1')).toThrow(CannotOpen);
      }),
    );
    expect(() => keyring.open('whsec_plain', 'whk_1')).toThrow(CannotOpen);
  });
});
