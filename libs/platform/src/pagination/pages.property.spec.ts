import fc from 'fast-check';
import { deriveKey } from '../config';
import { Problem } from '../problems';
import { Pages, type CursorKey, type ListIdentity } from '.';

const pages = new Pages(deriveKey('a secret for specs that is long enough', 'cursor'));

const keys: fc.Arbitrary<CursorKey> = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant(null)), {
  minLength: 1,
  maxLength: 4,
});
const filters = fc.dictionary(
  fc.constantFrom('project_id', 'status', 'assignee_id'),
  fc.oneof(fc.string(), fc.integer(), fc.constant(null)),
);
const lists: fc.Arbitrary<ListIdentity> = fc.record({
  name: fc.constantFrom('tasks', 'projects', 'events'),
  tenant: fc.record({ organizationId: fc.constantFrom('org_1', 'org_2'), livemode: fc.boolean() }),
  filter: filters,
});

/** The cursor behind a row with this key. */
function cursorAt(key: CursorKey, list: ListIdentity): string {
  const page = pages.answer(
    pages.read({ limit: 1 }, list),
    [key, key],
    (row) => row,
    (row) => row,
  );
  return page.next_cursor!;
}

function codeOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('cursors', () => {
  it('bring back the key they were made of, for the list they were made for', () => {
    fc.assert(fc.property(keys, lists, (key, list) => expect(pages.read({ cursor: cursorAt(key, list) }, list).after).toEqual(key)));
  });

  it('do not care about the order of the filter', () => {
    fc.assert(
      fc.property(keys, lists, (key, list) => {
        const turned = { ...list, filter: Object.fromEntries(Object.entries(list.filter).reverse()) };
        expect(pages.read({ cursor: cursorAt(key, list) }, turned).after).toEqual(key);
      }),
    );
  });

  // Guarantees that a cursor of one list, tenant or filter opens no other, however small the difference.
  it('are refused by every other list, tenant and filter', () => {
    const others = (list: ListIdentity): ListIdentity[] => [
      { ...list, name: `${list.name}s` },
      { ...list, tenant: { ...list.tenant, organizationId: `${list.tenant.organizationId}1` } },
      { ...list, tenant: { ...list.tenant, livemode: !list.tenant.livemode } },
      { ...list, filter: { ...list.filter, one_more: 'x' } },
      ...Object.entries(list.filter).map(([name, value]) => ({ ...list, filter: { ...list.filter, [name]: `${value} other` } })),
    ];
    fc.assert(
      fc.property(keys, lists, (key, list) => {
        for (const other of others(list)) expect(codeOf(() => pages.read({ cursor: cursorAt(key, list) }, other))).toBe('cursor_mismatch');
      }),
    );
  });

  // Guarantees that nobody can look between rows by making up a place.
  it('are refused when anything about them is changed, cut off or added', () => {
    const tampering = fc.oneof(
      fc.record({ at: fc.nat(), put: fc.string({ minLength: 1, maxLength: 1 }) }).map(
        ({ at, put }) =>
          (text: string) =>
            text.slice(0, at % text.length) + put + text.slice((at % text.length) + 1),
      ),
      fc.nat().map((at) => (text: string) => text.slice(0, at % text.length)),
      fc.string({ minLength: 1 }).map((more) => (text: string) => text + more),
      fc.constant((text: string) =>
        Buffer.from(text, 'base64url')
          .toString('base64')
          .padEnd(text.length + 1, '='),
      ),
    );
    fc.assert(
      fc.property(keys, lists, tampering, (key, list, tamper) => {
        const cursor = cursorAt(key, list);
        const tampered = tamper(cursor);
        fc.pre(tampered !== cursor);
        expect(codeOf(() => pages.read({ cursor: tampered }, list))).toBe('cursor_invalid');
      }),
      { numRuns: 500 },
    );
  });

  it('are refused when they were never one, or come from another installation', () => {
    const elsewhere = new Pages(deriveKey('another secret that is long enough too', 'cursor'));
    fc.assert(
      fc.property(fc.string(), lists, keys, (text, list, key) => {
        expect(codeOf(() => pages.read({ cursor: text }, list))).toBe('cursor_invalid');
        expect(codeOf(() => elsewhere.read({ cursor: cursorAt(key, list) }, list))).toBe('cursor_invalid');
      }),
    );
  });
});

describe('a walk over a list', () => {
  const list: ListIdentity = { name: 'tasks', tenant: { organizationId: 'org_1', livemode: true }, filter: {} };

  // Guarantees that each row is seen once, and that the last page says that it is the last.
  it('shows every row once, in order, whatever the limit', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer(), { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (numbers, limit) => {
        const rows = [...numbers].sort((a, b) => a - b);
        const seen: number[] = [];
        let cursor: string | undefined;
        do {
          const page = pages.read({ limit, cursor }, list);
          const after = page.after === null ? -Infinity : (page.after[0] as number);
          const fetched = rows.filter((row) => row > after).slice(0, limit + 1);
          const answer = pages.answer(
            page,
            fetched,
            (row) => [row],
            (row) => row,
          );
          expect(answer.object).toBe('list');
          expect(answer.has_more).toBe(answer.next_cursor !== null);
          expect(answer.has_more).toBe(fetched.length > limit);
          seen.push(...answer.data);
          cursor = answer.next_cursor ?? undefined;
        } while (cursor !== undefined);
        expect(seen).toEqual(rows);
      }),
    );
  });

  it('has 25 rows a page unless told otherwise', () => {
    expect(pages.read({}, list)).toEqual({ limit: 25, after: null, list });
  });
});
