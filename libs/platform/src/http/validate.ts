import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { contractSchemas, schemaOf, type ContractClass } from '../openapi';
import { Problem } from '../problems';
import { fieldErrors, type FieldError } from './field-errors';

type Mode = 'body' | 'query';

const validators = new Map<ContractClass, Partial<Record<Mode, ValidateFunction>>>();

/** Refuses with every bad field named at once. Query parameters arrive as text and are read as what the schema says. */
export function validate(of: ContractClass, value: unknown, mode: Mode): void {
  const check = validatorOf(of, mode);
  const valid = check(value);
  const errors = [...(valid ? [] : fieldErrors(check.errors ?? [])), ...notText(value, '')];
  if (errors.length > 0) throw invalid(errors);
}

export function invalid(errors: readonly FieldError[]): Problem {
  const detail = errors.length === 1 ? '1 field is invalid.' : `${errors.length} fields are invalid.`;
  return new Problem('validation_failed', detail, { errors });
}

function validatorOf(of: ContractClass, mode: Mode): ValidateFunction {
  const compiled = validators.get(of) ?? {};
  if (!compiled[mode]) {
    compiled[mode] = engine(mode).compile({ $id: `works:${of.name}`, ...schemaOf(of), components: { schemas: contractSchemas() } });
    validators.set(of, compiled);
  }
  return compiled[mode];
}

/** One engine per class: a class that is loaded later may bring schemas that an earlier engine could not know. */
function engine(mode: Mode): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
    coerceTypes: mode === 'query',
    inlineRefs: true,
  });
  addFormats(ajv, { mode: 'full', formats: ['date', 'date-time', 'uri'] });
  ajv.addFormat('time-zone', isTimeZone);
  ajv.addVocabulary(['x-id', 'components']);
  return ajv;
}

const zones = new Map<string, boolean>();

/** Known to this machine's time zone database. Offsets such as `+05:30` are no names and have no summer time. */
function isTimeZone(name: string): boolean {
  const known = zones.get(name);
  if (known !== undefined) return known;
  let valid = /^[A-Za-z]/.test(name);
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    valid = false;
  }
  if (zones.size < 1_000) zones.set(name, valid);
  return valid;
}

/** PostgreSQL can store no NUL, and UTF-8 has no lone surrogate: neither is text. */
function notText(value: unknown, pointer: string): FieldError[] {
  if (typeof value === 'string') {
    return value.includes('\0') || !value.isWellFormed()
      ? [{ pointer, code: 'not_text', detail: 'must not have NUL characters or lone surrogates' }]
      : [];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, item]) => [
    ...(Array.isArray(value) ? [] : notText(key, `${pointer}/${key.replaceAll('\0', '').toWellFormed()}`)),
    ...notText(item, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  ]);
}
