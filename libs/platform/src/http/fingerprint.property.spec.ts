import fc from 'fast-check';
import { fingerprintOf } from '.';

const bodies = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });

/** The same JSON with the keys of every object the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, turned(member)]),
  );
}

/** Key order aside, the JSON text: what two requests must share to be the same. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

const UNRESERVED = 'ABCXYZabcxyz0123456789-._~';
const plain = (part: string): string => part;
const lower = (part: string): string => (part.startsWith('%') ? part.toLowerCase() : part);
const escaped = (part: string): string => (UNRESERVED.includes(part) ? `%${part.charCodeAt(0).toString(16).padStart(2, '0')}` : part);

describe('the fingerprint of a request', () => {
  it('is 64 hexadecimal digits that say nothing of the body', () => {
    expect(fingerprintOf('POST', '/tasks', { title: 'Call' })).toMatch(/^[0-9a-f]{64}$/);
  });

  // Guarantees that a client whose JSON library orders keys differently on a retry is not told that it sent something else.
  it('does not depend on the order of keys, however deep', () => {
    fc.assert(
      fc.property(bodies, (body) => expect(fingerprintOf('POST', '/tasks', turned(body))).toBe(fingerprintOf('POST', '/tasks', body))),
    );
  });

  it('is another one for every other body', () => {
    fc.assert(
      fc.property(bodies, bodies, (one, other) => {
        fc.pre(canonical(one) !== canonical(other));
        expect(fingerprintOf('POST', '/tasks', one)).not.toBe(fingerprintOf('POST', '/tasks', other));
      }),
    );
  });

  it('is another one for another method, path, query, or order of a list', () => {
    const all = [
      fingerprintOf('POST', '/tasks', { a: [1, 2] }),
      fingerprintOf('POST', '/tasks', { a: [2, 1] }),
      fingerprintOf('POST', '/tasks', { a: ['1', 2] }),
      fingerprintOf('PATCH', '/tasks', { a: [1, 2] }),
      fingerprintOf('POST', '/tasks?dry_run=true', { a: [1, 2] }),
      fingerprintOf('POST', '/task', { a: [1, 2] }),
      fingerprintOf('POST', '/tasks', { a: [1, 2], b: null }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  // Guarantees that a client whose library escapes more than it has to is not told, on a retry, that it sent something else (RFC 3986, 6.2.2).
  it('does not depend on how the address is escaped', () => {
    const target = fc.array(fc.constantFrom(...UNRESERVED, '/', '?', '=', '&', ':', '+', '%2F', '%26', '%25', '%C3%A9'), { maxLength: 20 });
    const spelling = fc.infiniteStream(fc.constantFrom<(part: string) => string>(plain, escaped, lower));
    fc.assert(
      fc.property(target, spelling, spelling, (parts, one, other) => {
        const [a, b] = [one, other].map((spell) => `/${parts.map((part) => spell.next().value(part)).join('')}`);
        expect(fingerprintOf('POST', a!, {})).toBe(fingerprintOf('POST', b!, {}));
      }),
    );
  });

  it('is another one for an escaped delimiter, which is no delimiter', () => {
    const all = ['/a/b', '/a%2Fb', '/a%252Fb', '/a?b=c&d', '/a?b=c%26d', '/a?b%3Dc&d', '/a%3Fb=c&d', '/a?b=+', '/a?b=%2B'];
    expect(new Set(all.map((url) => fingerprintOf('POST', url, {}))).size).toBe(all.length);
  });

  it('takes an absent body as an empty one', () => {
    expect(fingerprintOf('POST', '/tasks', undefined)).toBe(fingerprintOf('POST', '/tasks', {}));
  });
});
