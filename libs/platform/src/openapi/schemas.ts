import 'reflect-metadata';
import { ValidationTypes } from 'class-validator';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';

export type JsonSchema = Record<string, unknown>;
export type ContractClass = new (...parameters: never[]) => object;

/** Where a field notes whether it must be there; see contracts/fields. */
const PRESENCE = 'x-presence';

let known: { classes: number; schemas: Record<string, JsonSchema> } | null = null;

/**
 * The JSON Schema (2020-12) of every class whose fields have validators, by class name, closed against unknown fields.
 * The same schemas validate requests and make up `components.schemas` of the OpenAPI document.
 */
export function contractSchemas(): Record<string, JsonSchema> {
  known ??= { classes: 0, schemas: build() };
  return known.schemas;
}

/** The schema of one class; classes that were loaded after the first look are found as well. */
export function schemaOf(of: ContractClass): JsonSchema {
  const schema = contractSchemas()[of.name] ?? forget()[of.name];
  if (schema === undefined) throw new Error(`${of.name} has no fields with validators`);
  return schema;
}

export const hasSchema = (of: unknown): of is ContractClass =>
  typeof of === 'function' && (contractSchemas()[of.name] !== undefined || forget()[of.name] !== undefined);

function forget(): Record<string, JsonSchema> {
  known = null;
  return contractSchemas();
}

function build(): Record<string, JsonSchema> {
  const schemas = validationMetadatasToSchemas({
    additionalConverters: { [ValidationTypes.NESTED_VALIDATION]: () => ({}) },
  }) as Record<string, JsonSchema>;
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, closed(schema)]));
}

function closed(schema: JsonSchema): JsonSchema {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const required = properties.filter(([, property]) => property[PRESENCE] !== 'optional').map(([name]) => name);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(properties.map(([name, { [PRESENCE]: _, ...property }]) => [name, property])),
    ...(required.length > 0 && { required }),
  };
}
