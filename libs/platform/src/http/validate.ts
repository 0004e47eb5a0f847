import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import { schemaOf, schemasWithin, type ContractClass, type OperationText } from '../openapi';
import { Problem } from '../problems';
import { fieldErrors, type FieldError } from './field-errors';
import { FORMATS } from './formats';
import { notText } from './not-text';

type Mode = 'body' | 'query';

/** A body of a megabyte can be wrong in a hundred thousand places; the answer must not be ten times its size. */
const NAMED_MAX = 100;

/** Refuses with every bad field named at once. Query parameters arrive as text and are read as what the schema says. */
export function validate(of: ContractClass, value: unknown, mode: Mode): void {
  const check = validatorOf(of, mode);
  const errors = check(value) ? notText(value) : [...fieldErrors(check.errors ?? []), ...notText(value)];
  if (errors.length > 0) throw invalid(errors);
}

/**
 * Makes ready what a route will need, so that a faulty schema, or an example that its schema refuses, ends the start and not a request,
 * and no first request waits for it.
 */
export function prepare({ body, example, query }: Pick<OperationText, 'body' | 'example' | 'query'>): void {
  if (body !== undefined) validatorOf(body, 'body');
  if (body !== undefined && example !== undefined) validate(body, example, 'body');
  if (query !== undefined) validatorOf(query, 'query');
}

export function invalid(errors: readonly FieldError[]): Problem {
  const count = errors.length === 1 ? '1 field is invalid' : `${errors.length} fields are invalid`;
  const detail = errors.length > NAMED_MAX ? `${count}; the first ${NAMED_MAX} are named.` : `${count}.`;
  return new Problem('validation_failed', detail, { errors: errors.slice(0, NAMED_MAX) });
}

const validators: Readonly<Record<Mode, WeakMap<ContractClass, ValidateFunction>>> = { body: new WeakMap(), query: new WeakMap() };
const engines: Readonly<Record<Mode, Ajv2020>> = { body: engine('body'), query: engine('query') };

/** Compiled once for each class. Every schema brings along what it refers to. */
function validatorOf(of: ContractClass, mode: Mode): ValidateFunction {
  const compiled = validators[mode].get(of);
  if (compiled !== undefined) return compiled;
  const schema = { $id: `works:${of.name}`, ...schemaOf(of), components: { schemas: schemasWithin([of.name]) } };
  const validator = engines[mode].compile(schema);
  validators[mode].set(of, validator);
  return validator;
}

function engine(mode: Mode): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
    // Of several shapes only the one that the value says it has complains.
    discriminator: true,
    coerceTypes: mode === 'query',
    // A spec holds every schema against the meta-schema; compiling that costs each process 60 ms and some megabytes.
    validateSchema: false,
  });
  for (const [name, accepts] of Object.entries(FORMATS)) ajv.addFormat(name, accepts);
  return ajv.addVocabulary(['x-id', 'components']);
}
