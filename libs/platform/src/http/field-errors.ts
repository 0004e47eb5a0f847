import type { ErrorObject } from 'ajv';
import { prefixOf } from '../ids';
import { idNouns } from '../openapi';
import { escaped } from './pointers';

/** One bad field: where (RFC 6901), what kind, and what would be right. */
export interface FieldError {
  pointer: string;
  code: string;
  detail: string;
}

/** Every bad field at once, in the order of their pointers, without what follows from another error. */
export function fieldErrors(errors: readonly ErrorObject[]): FieldError[] {
  const found = withoutConsequences(errors.filter((error) => !isEcho(error))).map(translate);
  const unique = new Map(found.map((error) => [`${error.pointer} ${error.code}`, error]));
  return [...unique.values()].sort((a, b) => (a.pointer < b.pointer ? -1 : a.pointer > b.pointer ? 1 : 0));
}

/** A value of the wrong type is none of the allowed ones either; what is empty, or no date, matches no pattern. */
function withoutConsequences(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const placesOf = (...keywords: string[]) =>
    new Set(errors.filter(({ keyword }) => keywords.includes(keyword)).map(({ instancePath }) => instancePath));
  const ofWrongType = placesOf('type');
  const unlikeAny = placesOf('minLength', 'format');
  return errors.filter(
    ({ keyword, instancePath }) =>
      keyword === 'type' || (!ofWrongType.has(instancePath) && !(keyword === 'pattern' && unlikeAny.has(instancePath))),
  );
}

/**
 * The branches of "this or null" complain each for itself; the branch that is not null says what matters. That the field which tells
 * shapes apart tells none is said at that field already.
 */
const isEcho = ({ keyword, params, schemaPath }: ErrorObject): boolean =>
  keyword === 'anyOf' ||
  keyword === 'discriminator' ||
  keyword === 'propertyNames' ||
  (keyword === 'type' && params['type'] === 'null' && schemaPath.includes('/anyOf/'));

function translate(error: ErrorObject): FieldError {
  return error.propertyName === undefined ? translateValue(error) : ofItsName(error.propertyName, translateValue(error));
}

/** What is wrong is the name of an entry: said at that entry, so that it is found among fifty. */
const ofItsName = (name: string, { pointer, code, detail }: FieldError): FieldError => ({
  pointer: `${pointer}/${escaped(name)}`,
  code,
  detail: `its name ${detail}`,
});

function translateValue(error: ErrorObject): FieldError {
  const { keyword, params, instancePath } = error;
  const at = (code: string, detail: string): FieldError => ({ pointer: instancePath, code, detail });
  const limit = params['limit'] as number;
  switch (keyword) {
    case 'required':
      return { pointer: `${instancePath}/${escaped(params['missingProperty'] as string)}`, code: 'required', detail: 'is required' };
    case 'additionalProperties':
      return {
        pointer: `${instancePath}/${escaped(params['additionalProperty'] as string)}`,
        code: 'unknown_field',
        detail: 'is not a field of this request',
      };
    case 'type':
      return at('wrong_type', `must be ${typeNames(params['type'] as string | string[])}`);
    case 'maxLength':
      return at('too_long', `must be at most ${limit} characters`);
    case 'minLength':
      return at('too_short', limit === 1 ? 'must not be empty' : `must be at least ${limit} characters`);
    case 'minimum':
      return at('too_small', `must be at least ${limit}`);
    case 'maximum':
      return at('too_large', `must be at most ${limit}`);
    case 'enum':
    case 'const':
      return at('not_allowed', `must be one of: ${allowedValues(error).join(', ')}`);
    case 'maxItems':
    case 'maxProperties':
      return at('too_many', `must have at most ${limit} ${limit === 1 ? 'entry' : 'entries'}`);
    case 'minItems':
    case 'minProperties':
      return at('too_few', `must have at least ${limit} ${limit === 1 ? 'entry' : 'entries'}`);
    case 'uniqueItems':
      return at('duplicate', 'must not have the same entry twice');
    case 'format':
      return formatError(instancePath, params['format'] as string);
    case 'pattern':
      return patternError(error);
    default:
      return at('not_allowed', error.message ?? 'is not allowed');
  }
}

const allowedValues = ({ params }: ErrorObject): unknown[] =>
  ((params['allowedValues'] ?? [params['allowedValue']]) as unknown[]).map((value) => value ?? 'null');

function typeNames(types: string | string[]): string {
  const names: Record<string, string> = {
    string: 'text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'an object',
    null: 'null',
  };
  return [types]
    .flat()
    .map((type) => names[type] ?? type)
    .join(' or ');
}

const FORMATS: Record<string, [code: string, detail: string]> = {
  date: ['not_a_date', 'must be a date that exists, as YYYY-MM-DD'],
  'date-time': ['not_an_instant', 'must be an instant with an offset, as 2026-11-23T10:00:00Z (RFC 3339)'],
  'time-zone': ['not_a_time_zone', 'must be the IANA name of a time zone, such as Asia/Kolkata'],
};

function formatError(pointer: string, format: string): FieldError {
  const [code, detail] = FORMATS[format] ?? ['wrong_format', `must be a ${format}`];
  return { pointer, code, detail };
}

function patternError({ instancePath: pointer, parentSchema, data, params }: ErrorObject): FieldError {
  const { 'x-id': prefix, 'x-refusal': refusal } = (parentSchema ?? {}) as { 'x-id'?: string; 'x-refusal'?: Omit<FieldError, 'pointer'> };
  if (refusal !== undefined) return { pointer, ...refusal };
  if (prefix === undefined) return { pointer, code: 'wrong_format', detail: `must match ${params['pattern'] as string}` };
  const wanted = idNouns().has(prefix) ? `must be ${idInWords(prefix)} (${prefix}_…)` : `must be ${idInWords(prefix)}`;
  const came = typeof data === 'string' ? prefixOf(data) : null;
  return came === null
    ? { pointer, code: 'malformed_id', detail: wanted }
    : { pointer, code: 'wrong_id_type', detail: `${wanted}, got ${idInWords(came)}` };
}

/** `a user id`, `an event id`; an unknown kind by its prefix. */
function idInWords(prefix: string): string {
  const noun = idNouns().get(prefix);
  if (noun === undefined) return `an id of the form ${prefix}_…`;
  return `${/^([aeio]|u(?!s))/.test(noun) ? 'an' : 'a'} ${noun}`;
}
