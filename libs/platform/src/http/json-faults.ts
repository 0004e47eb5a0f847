import type { FieldError } from './field-errors';
import { escaped } from './pointers';

/** What JSON.parse would take in silence, and change: the last of two members wins, and numbers are rounded to what a double holds. */
export interface JsonFaults {
  /** The pointer of the first member that its object has twice. */
  readonly duplicate: string | null;
  readonly numbers: readonly FieldError[];
}

/** An object while it is read, with the names it had so far; a list, when it has no names. */
interface Frame {
  readonly names: Set<string> | null;
  /** The name of the member, or the index of the item, that is being read. */
  at: string | number;
  isName: boolean;
}

const NUMBER = /[\d.eE+-]+/gy;
/** As many as an answer names. */
const NAMED_MAX = 100;

/** Looks through a text that JSON.parse has taken, once and without recursion. */
export function jsonFaults(text: string): JsonFaults {
  const frames: Frame[] = [];
  const numbers: FieldError[] = [];
  let at = 0;
  while (at < text.length) {
    const frame = frames.at(-1);
    const character = text.charCodeAt(at);
    if (character === QUOTE) {
      const end = endOfText(text, at);
      if (frame?.isName) {
        frame.at = nameOf(text.slice(at, end));
        if (frame.names!.has(frame.at)) return { duplicate: pointerTo(frames), numbers };
        frame.names!.add(frame.at);
      }
      at = end;
    } else if (character === MINUS || (character >= ZERO && character <= NINE)) {
      const end = endOfNumber(text, at);
      if (numbers.length < NAMED_MAX && !isHeld(text, at, end)) numbers.push({ pointer: pointerTo(frames), ...NOT_HELD });
      at = end;
    } else {
      if (character === OPEN_OBJECT) frames.push({ names: new Set(), at: '', isName: true });
      else if (character === OPEN_LIST) frames.push({ names: null, at: 0, isName: false });
      else if (character === CLOSE_OBJECT || character === CLOSE_LIST) frames.pop();
      else if (character === COLON) frame!.isName = false;
      else if (character === COMMA) {
        if (typeof frame!.at === 'number') frame!.at += 1;
        else frame!.isName = true;
      }
      at += 1;
    }
  }
  return { duplicate: null, numbers };
}

const [QUOTE, BACKSLASH, MINUS, ZERO, NINE, COLON, COMMA] = [0x22, 0x5c, 0x2d, 0x30, 0x39, 0x3a, 0x2c] as const;
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d] as const;

const NOT_HELD = {
  code: 'out_of_range',
  detail: 'must be a number that a double holds: whole numbers from -9007199254740991 to 9007199254740991 (RFC 8259, 6)',
};

/** Up to fifteen digits are always held; 16 and more, or an exponent, are looked at. */
function isHeld(text: string, from: number, to: number): boolean {
  const digits = text.slice(from, to);
  if (digits.length <= 15 && !/e/i.test(digits)) return true;
  const value = Number(digits);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) return false;
  return value !== 0 || !/[1-9]/.test(digits.split(/e/i)[0]!);
}

/** Behind the quote that ends it: one that an even number of backslashes stands before. */
function endOfText(text: string, begin: number): number {
  for (let quote = text.indexOf('"', begin + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
}

function endOfNumber(text: string, begin: number): number {
  NUMBER.lastIndex = begin;
  NUMBER.test(text);
  return NUMBER.lastIndex;
}

const nameOf = (quoted: string): string => (quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1));

const pointerTo = (frames: readonly Frame[]): string => frames.map((frame) => `/${escaped(String(frame.at))}`).join('');
