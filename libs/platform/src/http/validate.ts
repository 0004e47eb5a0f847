import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import { schemaOf, schemasWithin, type ContractClass, type OperationText } from '../openapi';
import { Problem } from '../problems';
import { fieldErrors, type FieldError } from './field-errors';
import { FORMATS } from './formats';
import { notText } from './not-text';

/** A body of a megabyte can be wrong in a hundred thousand places; the answer must not be ten times its size. */
const NAMED_MAX = 100;

/** Refuses with every bad field named at once. */
export function validate(of: ContractClass, value: unknown): void {
  const check = validatorOf(of);
  const errors = check(value) ? notText(value) : [...fieldErrors(check.errors ?? []), ...notText(value)];
  if (errors.length > 0) throw invalid(errors);
}

/**
 * Makes ready what a route will need, so that a faulty schema, or an example that its schema refuses, ends the start and not a request,
 * and no first request waits for it.
 */
export function prepare({ body, example, query }: Pick<OperationText, 'body' | 'example' | 'query'>): void {
  if (body !== undefined) validatorOf(body);
  if (body !== undefined && example !== undefined) validate(body, example);
  if (query !== undefined) validatorOf(query);
}

export function invalid(errors: readonly FieldError[]): Problem {
  const count = errors.length === 1 ? '1 field is invalid' : `${errors.length} fields are invalid`;
  const detail = errors.length > NAMED_MAX ? `${count}; the first ${NAMED_MAX} are named.` : `${count}.`;
  return new Problem('validation_failed', detail, { errors: errors.slice(0, NAMED_MAX) });
}

const validators = new WeakMap<ContractClass, ValidateFunction>();
const ajv = engine();

/** Compiled once for each class. Every schema brings along what it refers to. */
function validatorOf(of: ContractClass): ValidateFunction {
  const compiled = validators.get(of);
  if (compiled !== undefined) return compiled;
  const schema = { $id: `works:${of.name}`, ...schemaOf(of), components: { schemas: schemasWithin([of.name]) } };
  const validator = ajv.compile(schema);
  validators.set(of, validator);
  return validator;
}

function engine(): Ajv2020 {
  const made = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
    // Of several shapes only the one that the value says it has complains.
    discriminator: true,
    // A spec holds every schema against the meta-schema; compiling that costs each process 60 ms and some megabytes.
    validateSchema: false,
  });
  for (const [name, accepts] of Object.entries(FORMATS)) made.addFormat(name, accepts);
  return made.addVocabulary(['x-id', 'x-refusal', 'components']);
}
