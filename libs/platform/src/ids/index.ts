import { randomFillSync } from 'node:crypto';
import { monotonicFactory, decodeTime } from 'ulid';

/**
 * A prefixed ULID: `prj_01J9X…`. The prefix names the type, the first ten characters the millisecond of birth,
 * so that ids sort by time and can be read off the wire. Alphabet: Crockford's base 32, upper case (the ULID spec).
 */
export type Id<Prefix extends string = string> = `${Prefix}_${string}`;

const ulidBody = '[0-7][0-9A-HJKMNP-TV-Z]{25}';
const anyId = new RegExp(`^([a-z]{2,5})_${ulidBody}$`);

/** The regular expression (as text, for JSON Schema) that ids with this prefix match. */
export const idPattern = (prefix: string): string => `^${prefix}_${ulidBody}$`;

/** Bytes of chance drawn at once: asking the system for each character of an id would cost more than all the rest of making it. */
const chance = Buffer.alloc(4_096);
let drawn = chance.length;

const nextChance = (): number => {
  if (drawn === chance.length) {
    randomFillSync(chance);
    drawn = 0;
  }
  return chance[drawn++]! / 256;
};

const nextUlid = monotonicFactory(nextChance);

/** A new id. Ids made by one process in the same millisecond still sort in the order they were made. */
export const newId = <Prefix extends string>(prefix: Prefix): Id<Prefix> => `${prefix}_${nextUlid()}`;

export const isId = <Prefix extends string>(prefix: Prefix, text: unknown): text is Id<Prefix> =>
  typeof text === 'string' && prefixOf(text) === prefix;

/** The prefix of a well-formed id, or null when the text is no id at all. */
export const prefixOf = (text: string): string | null => anyId.exec(text)?.[1] ?? null;

/** When the id was made, in milliseconds since 1970. The text must be an id. */
export const timeOfId = (id: Id): number => decodeTime(id.slice(id.indexOf('_') + 1));
