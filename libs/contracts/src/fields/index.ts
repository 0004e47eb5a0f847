import {
  Allow,
  ArrayMaxSize,
  Equals,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { idPattern } from '@works/platform/ids';
import { ID_PREFIXES } from '../ids';

/**
 * The vocabulary of fields. Each is a handful of class-validator decorators; the JSON Schema made from them is what the service
 * validates with and what the OpenAPI document shows. Requests and answers are written with the same words.
 */
export interface FieldOptions {
  /** May be left out of a request. Answers always have every field. */
  optional?: boolean;
  nullable?: boolean;
  description?: string;
  example?: unknown;
}

type Schema = Record<string, unknown>;

/** Where the presence of a field is noted in its schema until the class's `required` is made from it. */
export const PRESENCE = 'x-presence';

/** How a class says that it has no fields and that this is meant. */
const WITHOUT_FIELDS = 'x-without-fields';

/** For a body in which nothing can be said: `{}`, or none at all. A class without fields that lacks this would let anything pass. */
export const WithoutFields = (): ClassDecorator => (of) => void Object.defineProperty(of, WITHOUT_FIELDS, { value: true });

/**
 * Free text in characters. Control of length only; what is no text at all (NUL, lone surrogates) is refused everywhere. `refusal` is what is said
 * of a text that does not match the pattern, where the pattern itself would tell nobody what is right.
 */
export const Text = ({
  min = 1,
  max,
  pattern,
  refusal,
  ...options
}: FieldOptions & { min?: number; max: number; pattern?: RegExp; refusal?: { code: string; detail: string } }): PropertyDecorator =>
  field(options, [IsString(), MinLength(min), MaxLength(max), ...(pattern ? [Matches(pattern)] : [])], refusal && { 'x-refusal': refusal });

/** Text that says something. Of requests only: what was stored before white space alone was refused stays readable. */
export const Words = (options: FieldOptions & { max: number }): PropertyDecorator =>
  Text({ ...options, pattern: SOMETHING_TO_SEE, refusal: { code: 'blank', detail: 'must not be white space alone' } });

/**
 * A character that shows: neither white space nor a control, and none that renderers leave out (Default_Ignorable_Code_Point of Unicode, and the braille
 * blank). Written out, because not every language that reads the OpenAPI document knows `\p{…}`.
 */
const SOMETHING_TO_SEE =
  /[^\s\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8]/;

/** A prefixed ULID of this type. */
export const IdOf = (prefix: string, options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsString(), Matches(new RegExp(idPattern(prefix)))], idSchema(prefix));

/** An integer; both bounds are allowed values. */
export const WholeNumber = ({ min, max, ...options }: FieldOptions & { min: number; max: number }): PropertyDecorator =>
  field(options, [IsInt(), Min(min), Max(max)], { type: 'integer' });

/** A number that need not be whole, at least zero. */
export const Quantity = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsNumber(), Min(0)], { type: 'number', minimum: 0 });

/** Names and values of HTTP headers. */
export const HeaderMap = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsObject()], {
    type: 'object',
    maxProperties: 20,
    propertyNames: { type: 'string', pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$" },
    additionalProperties: { type: 'string', maxLength: 500, pattern: '^[\\x20-\\x7e]*$' },
  });

export const Flag = (options: FieldOptions = {}): PropertyDecorator => field(options, [IsBoolean()]);

/** One of a closed, published list. */
export const OneOf = (values: readonly string[], options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsIn([...values])], { type: 'string' });

/** Always this value, such as the `object` of a resource. */
export const Fixed = (value: string, options: FieldOptions = {}): PropertyDecorator =>
  field(options, [Equals(value)], { type: 'string', enum: [value] });

/** A day in the calendar, `YYYY-MM-DD`. */
export const LocalDate = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsString()], { type: 'string', format: 'date' });

/** A day that is planned for. Of requests only; what is filtered by may be any day. */
export const PlannedDate = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsString()], { type: 'string', format: 'date', ...IN_PLANNED_YEARS });

/** RFC 3339 with an offset; answers are UTC with milliseconds. */
export const Instant = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsString()], { type: 'string', format: 'date-time' });

/** An instant that is planned for. */
export const PlannedInstant = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsString()], { type: 'string', format: 'date-time', ...IN_PLANNED_YEARS });

/** The years 2000 to 2199: far enough for every delivery, and near enough that ten years of working days more are still a date. */
const IN_PLANNED_YEARS: Schema = {
  pattern: '^2[01]',
  'x-refusal': { code: 'out_of_range', detail: 'must lie in the years 2000 to 2199' },
};

/** An IANA name such as `Asia/Kolkata`. */
export const TimeZone = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsString(), MaxLength(64)], { type: 'string', format: 'time-zone' });

export const METADATA_KEYS_MAX = 50;

/** The caller's own notes: up to 50 keys of 40 characters with values of up to 500. */
export const Metadata = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsObject()], { ...METADATA, maxProperties: METADATA_KEYS_MAX });

/** Changes to such notes: what is named is set, or with null removed; the rest stays. */
export const MetadataChanges = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsObject()], {
    ...METADATA,
    // As many as there can be to remove, and as many again to set.
    maxProperties: 2 * METADATA_KEYS_MAX,
    additionalProperties: { type: ['string', 'null'], maxLength: 500 },
  });

const METADATA: Schema = {
  type: 'object',
  propertyNames: { type: 'string', minLength: 1, maxLength: 40 },
  additionalProperties: { type: 'string', maxLength: 500 },
};

/** A map with free keys (1 to 64 of `[a-z0-9_]`, or what `key` describes) whose values are ids of one type, or objects of one class. */
export const MapOf = (
  item: string | (() => Constructor),
  { max = 100, key = { pattern: '^[a-z0-9_]{1,64}$' }, ...options }: FieldOptions & { max?: number; key?: Schema } = {},
): PropertyDecorator =>
  field(options, [IsObject()], () => ({
    type: 'object',
    maxProperties: max,
    propertyNames: { type: 'string', ...key },
    additionalProperties: itemSchema(item),
  }));

/** Any JSON object. */
export const Json = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [IsObject()], { type: 'object', additionalProperties: true });

/** A JSON value that holds no others: text of up to 200 characters, a number, true, false or null. */
export const SCALAR: Schema = { type: ['string', 'number', 'boolean', 'null'], maxLength: 200 };

export const Scalar = (options: FieldOptions = {}): PropertyDecorator => field(options, [Allow()], SCALAR);

/** Any JSON value, null too: what some field of some resource holds. */
export const JsonValue = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, [Allow()], { type: ['object', 'array', 'string', 'number', 'boolean', 'null'] });

type Constructor = new (...parameters: never[]) => object;

/** An object of a class that is written with these fields. */
export const Nested = (of: () => Constructor, options: FieldOptions = {}): PropertyDecorator =>
  field(options, [ValidateNested()], () => reference(of()));

/** A list of objects of a class, of ids (`'tsk'`), or of what a JSON Schema describes. */
export const ListOf = (
  item: string | Schema | (() => Constructor),
  { min = 0, max = 100, ...options }: FieldOptions & { min?: number; max?: number } = {},
): PropertyDecorator =>
  field(options, [IsArray(), ArrayMaxSize(max)], () => ({
    type: 'array',
    ...(min > 0 && { minItems: min }),
    maxItems: max,
    items: itemSchema(item),
  }));

/** An object of one of several classes, for the items of a list. */
export const oneOfClasses = (classes: readonly Constructor[]): Schema => ({ type: 'object', oneOf: classes.map(reference) });

/** The same where the field `by` says which: each class has it as its `Fixed` value, the name it goes by here. */
export const classBy = (by: string, classes: Readonly<Record<string, Constructor>>): Schema => ({
  ...oneOfClasses(Object.values(classes)),
  properties: { [by]: { type: 'string', enum: Object.keys(classes) } },
  required: [by],
  discriminator: { propertyName: by },
});

/** A ULID for examples, of no resource that ever was. */
const SAMPLE = '01J9XK5V3M8Q2T7N4W6Y0ZBCDE';

const idSchema = (prefix: string): Schema => ({
  type: 'string',
  pattern: idPattern(prefix),
  examples: [`${prefix}_${SAMPLE}`],
  'x-id': prefix,
  ...idTitle(prefix),
});

/** `user id`, `webhook endpoint id`: what errors call it. */
function idTitle(prefix: string): Schema {
  const name = Object.entries(ID_PREFIXES).find(([, known]) => known === prefix)?.[0];
  return name === undefined ? {} : { title: `${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/^api/, 'API')} id` };
}

const reference = (of: Constructor): Schema => ({ $ref: `#/components/schemas/${of.name}` });

const itemSchema = (item: string | Schema | (() => Constructor)): Schema =>
  typeof item === 'string' ? idSchema(item) : typeof item === 'function' ? reference(item()) : item;

/** `exact` replaces what the validators alone would say; it is a function where it refers to classes that may not exist yet. */
function field(options: FieldOptions, validators: PropertyDecorator[], exact?: Schema | (() => Schema)): PropertyDecorator {
  return (target, property) => {
    for (const validator of validators) validator(target, property);
    if (options.optional || options.nullable) {
      const passes = (value: unknown) =>
        value === undefined ? options.optional === true : value === null ? options.nullable === true : false;
      ValidateIf((object: Record<string | symbol, unknown>) => !passes(object[property]))(target, property);
    }
    JSONSchema((derived) => {
      const schema = { ...(derived as Schema), ...(typeof exact === 'function' ? exact() : exact) };
      if ('$ref' in schema) delete schema['type'];
      return described(options, options.nullable ? orNull(schema) : schema);
    })(target, property as string);
  };
}

function orNull(schema: Schema): Schema {
  if ('$ref' in schema) return { anyOf: [{ $ref: schema['$ref'] }, { type: 'null' }] };
  const { enum: values, ...rest } = schema;
  return { ...rest, type: [schema['type'], 'null'], ...(Array.isArray(values) && { enum: [...(values as unknown[]), null] }) };
}

function described({ description, example, optional }: FieldOptions, schema: Schema): Schema {
  return {
    ...schema,
    ...(description !== undefined && { description }),
    ...(example !== undefined && { examples: [example] }),
    [PRESENCE]: optional ? 'optional' : 'required',
  };
}
