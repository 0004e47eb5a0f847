import 'reflect-metadata';
import { getMetadataStorage, ValidationTypes } from 'class-validator';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';

export type JsonSchema = Record<string, unknown>;
export type ContractClass = new (...parameters: never[]) => object;

/** Where a field notes whether it must be there; see contracts/fields. */
const PRESENCE = 'x-presence';

/** How a class says that it has no fields and that this is meant; see contracts/fields. */
const WITHOUT_FIELDS = 'x-without-fields';
const withoutFields = new Set<string>();

let known: Record<string, JsonSchema> | null = null;
let nouns: ReadonlyMap<string, string> | null = null;

/**
 * The JSON Schema (2020-12) of every class whose fields have validators, by class name, closed against unknown fields.
 * The same schemas validate requests and make up `components.schemas` of the OpenAPI document.
 */
export const contractSchemas = (): Record<string, JsonSchema> => (known ??= build());

/** The schema of one class; classes that were loaded after the first look are found as well. */
export function schemaOf(of: ContractClass): JsonSchema {
  const schema = find(of);
  if (schema === undefined) throw new Error(`${of.name} has no fields with validators`);
  return schema;
}

/** Classes that have no fields, such as `Object`: they would be looked for anew with every request. */
const fieldless = new WeakSet<object>();

export function hasSchema(of: unknown): of is ContractClass {
  if (typeof of !== 'function' || fieldless.has(of)) return false;
  if (find(of as ContractClass) !== undefined) return true;
  fieldless.add(of);
  return false;
}

/** The named classes and everything that they refer to, sorted by name. */
export function schemasWithin(names: Iterable<string>): Record<string, JsonSchema> {
  const found = new Map<string, JsonSchema>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    const schema = contractSchemas()[name];
    if (schema === undefined) throw new Error(`${name} has no fields with validators`);
    found.set(name, schema);
    for (const other of referencesOf(schema)) visit(other);
  };
  for (const name of names) visit(name);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export const referencesOf = (schema: JsonSchema): string[] =>
  [...JSON.stringify(schema).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name!);

/** What ids are called, by prefix (`usr` → `user id`): the titles that id fields carry in the schemas. */
export const idNouns = (): ReadonlyMap<string, string> => (nouns ??= new Map(Object.values(contractSchemas()).flatMap(idTitles)));

function idTitles(schema: unknown): [string, string][] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { 'x-id': prefix, title } = schema as { 'x-id'?: unknown; title?: unknown };
  const own: [string, string][] = typeof prefix === 'string' && typeof title === 'string' ? [[prefix, title]] : [];
  return [...own, ...Object.values(schema).flatMap(idTitles)];
}

function find(of: ContractClass): JsonSchema | undefined {
  const schema = contractSchemas()[of.name];
  if (schema !== undefined) return schema;
  if (WITHOUT_FIELDS in of) withoutFields.add(of.name);
  known = null;
  nouns = null;
  return contractSchemas()[of.name];
}

function build(): Record<string, JsonSchema> {
  refuseNamesakes();
  const schemas = validationMetadatasToSchemas({
    additionalConverters: { [ValidationTypes.NESTED_VALIDATION]: () => ({}) },
  }) as Record<string, JsonSchema>;
  const fieldless = [...withoutFields].map((name) => [name, {}] as const);
  return Object.fromEntries([...fieldless, ...Object.entries(schemas)].map(([name, schema]) => [name, closed(schema)]));
}

/** Two classes of one name would become one schema with the fields of both, and each would accept the other's. */
function refuseNamesakes(): void {
  const { validationMetadatas } = getMetadataStorage() as unknown as { validationMetadatas: ReadonlyMap<ContractClass, unknown> };
  const seen = new Set<string>();
  for (const { name } of validationMetadatas.keys()) {
    if (seen.has(name)) throw new Error(`Two classes with validators are called ${name}; their names become the names of schemas`);
    seen.add(name);
  }
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
