import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type Mode = 'live' | 'test';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_BYTES = 32;
/** Digits that 32 bytes take in base 62. */
const SECRET_LENGTH = 43;
/** Digits that a CRC-32 takes in base 62. */
const CHECKSUM_LENGTH = 6;

const form = new RegExp(`^sk_(live|test)_[0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}}$`);

/**
 * `sk_live_` or `sk_test_`, 32 random bytes in base 62, and a checksum over all before it: a mistyped or made-up key is refused without
 * asking the database, and scanners can tell a real key from a string that looks like one.
 */
export function newApiKey(mode: Mode): string {
  const start = `sk_${mode}_${base62(BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`), SECRET_LENGTH)}`;
  return start + checksumOf(start);
}

export function isApiKey(text: string): boolean {
  return form.test(text) && checksumOf(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
}

/** What is kept of a key: SHA-256, in hex. The key has 256 bits of chance, so there is nothing for a slow hash to protect. */
export const hashOfApiKey = (key: string): string => hash('sha256', key);

const checksumOf = (start: string): string => base62(BigInt(crc32(start)), CHECKSUM_LENGTH);

function base62(number: bigint, length: number): string {
  let digits = '';
  for (let rest = number; rest > 0n; rest /= 62n) digits = ALPHABET[Number(rest % 62n)]! + digits;
  return digits.padStart(length, '0');
}
