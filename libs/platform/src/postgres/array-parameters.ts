/**
 * Arrays as parameters in PostgreSQL's binary format (array_recv in src/backend/utils/adt/arrayfuncs.c). node-postgres would write them as
 * literals, with two regular expressions over every element for its quotes, and the server would read those characters one by one: for the
 * JSON texts of events that costs several times the bytes themselves. For the statements that run all the time; elsewhere a plain array does.
 */

/** Object ids of types, from pg_type.dat: the same in every version. */
const TEXT = 25;
const INTEGER = 23;
const BOOLEAN = 16;
const TIMESTAMPTZ = 1184;

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL = -1;
/** PostgreSQL counts from the first day of 2000. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

/** For `text[]`. */
export function texts(values: readonly (string | null)[]): Buffer {
  let bytes = 0;
  const lengths = values.map((value) => {
    const length = value === null ? NULL : Buffer.byteLength(value);
    bytes += Math.max(length, 0);
    return length;
  });
  return arrayOf(TEXT, values, bytes, (array, at, value, index) => {
    const length = lengths[index]!;
    array.writeInt32BE(length, at);
    array.write(value, at + LENGTH_BYTES, 'utf8');
    return at + LENGTH_BYTES + length;
  });
}

/** For `integer[]`. */
export const integers = (values: readonly (number | null)[]): Buffer =>
  arrayOf(INTEGER, values, values.length * 4, (array, at, value) => {
    array.writeInt32BE(4, at);
    return array.writeInt32BE(value, at + LENGTH_BYTES);
  });

/** For `boolean[]`. */
export const booleans = (values: readonly (boolean | null)[]): Buffer =>
  arrayOf(BOOLEAN, values, values.length, (array, at, value) => {
    array.writeInt32BE(1, at);
    return array.writeUInt8(value ? 1 : 0, at + LENGTH_BYTES);
  });

/** For `timestamptz[]`: whole milliseconds. */
export const instants = (values: readonly (Date | null)[]): Buffer =>
  arrayOf(TIMESTAMPTZ, values, values.length * 8, (array, at, value) => {
    array.writeInt32BE(8, at);
    return array.writeBigInt64BE(BigInt(value.getTime() - EPOCH_MS) * 1_000n, at + LENGTH_BYTES);
  });

/** `write` puts one element with its length at a place, and answers the place after it. */
function arrayOf<Value>(
  type: number,
  values: readonly (Value | null)[],
  valueBytes: number,
  write: (array: Buffer, at: number, value: Value, index: number) => number,
): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + values.length * LENGTH_BYTES + valueBytes);
  // Dimensions (an empty array has none, and ends here), whether there are nulls, type, length, lower bound.
  array.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  array.writeInt32BE(values.includes(null) ? 1 : 0, 4);
  array.writeInt32BE(type, 8);
  if (values.length === 0) return array.subarray(0, 12);
  array.writeInt32BE(values.length, 12);
  array.writeInt32BE(1, 16);
  let at = HEADER_BYTES;
  values.forEach((value, index) => {
    at = value === null ? array.writeInt32BE(NULL, at) : write(array, at, value, index);
  });
  return array.subarray(0, at);
}
