type Metadata = Readonly<Record<string, string>>;

/** With the changes merged in: null removes a key. */
export const merged = (metadata: Metadata, changes: Readonly<Record<string, string | null>>): Metadata =>
  inStoredOrder(Object.entries({ ...metadata, ...changes }).flatMap(([key, value]) => (value === null ? [] : [[key, value] as const])));

/**
 * In the order in which PostgreSQL keeps the keys of a jsonb (by length in bytes, then by the bytes), so that the answer to a
 * mutation, its event, and what GET answers later are the same bytes.
 */
export const inStoredOrder = (entries: readonly (readonly [key: string, value: string])[]): Metadata =>
  Object.fromEntries(
    entries
      .map(([key, value]) => ({ key, value, bytes: Buffer.from(key) }))
      .sort(byBytes)
      .map(({ key, value }) => [key, value]),
  );

const byBytes = (a: { bytes: Buffer }, b: { bytes: Buffer }): number => a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes);
