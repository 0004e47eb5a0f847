import type { FieldError } from './field-errors';
import { escaped } from './pointers';

/** PostgreSQL can store no NUL, and UTF-8 has no lone surrogate: neither is text, in values as in keys. */
export const notText = (value: unknown): FieldError[] => (isAllText(value) ? [] : faults(value, ''));

/** Almost every request is: looked at first, without a pointer to every member. */
function isAllText(value: unknown): boolean {
  if (typeof value === 'string') return isText(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isAllText);
  for (const key of Object.keys(value)) {
    if (!isText(key) || !isAllText((value as Record<string, unknown>)[key])) return false;
  }
  return true;
}

function faults(value: unknown, pointer: string): FieldError[] {
  if (typeof value === 'string') return isText(value) ? [] : [fault(pointer)];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    // The pointer of a key that is no text is what remains of it as text.
    const at = `${pointer}/${escaped(key).replaceAll('\0', '').toWellFormed()}`;
    return [...(isText(key) ? [] : [fault(at)]), ...faults(member, at)];
  });
}

const isText = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

const fault = (pointer: string): FieldError => ({ pointer, code: 'not_text', detail: 'must not have NUL characters or lone surrogates' });
