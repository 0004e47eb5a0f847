import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { RequestMethod } from '@nestjs/common';
import { idPattern } from '../ids';
import type { ProblemCatalogue } from '../problems';
import { operationOf, pathIdsOf, scopeOf, type ListOfRows, type OperationText } from './operation';
import { schemaOf, schemasWithin, type ContractClass, type JsonSchema } from './schemas';

export interface DocumentSource {
  /** Goes into `x-service`, by which the gateway routes. */
  readonly service: string;
  readonly controllers: readonly (new (...parameters: never[]) => object)[];
  readonly catalogue: ProblemCatalogue;
}

const MUTATIONS = new Set(['post', 'patch', 'put', 'delete']);
const OF_ANY = [
  'unauthenticated',
  'scope_missing',
  'invalid_header',
  'validation_failed',
  'internal_error',
  'unavailable',
  'not_caught_up',
];
const OF_MUTATIONS = [
  ...['idempotency_key_missing', 'idempotency_key_invalid', 'idempotency_key_reused', 'idempotency_key_in_use'],
  ...['malformed_json', 'body_too_large', 'unsupported_media_type', 'event_too_large', 'contended', 'backlog_too_long'],
];
const OF_LISTS = ['cursor_invalid', 'cursor_mismatch'];

/** Paths and schemas of one service, for an OpenAPI 3.1 document. Nothing is started: classes and their decorators say it all. */
export function openApiParts(source: DocumentSource): {
  paths: Record<string, Record<string, unknown>>;
  schemas: Record<string, JsonSchema>;
} {
  const paths: Record<string, Record<string, unknown>> = {};
  const used = new Set<string>();
  const lists: Record<string, JsonSchema> = {};
  for (const controller of source.controllers) {
    for (const { path, method, handler } of routesOf(controller)) {
      const text = operationOf(handler);
      if (text === undefined) continue;
      const refer = (of: ContractClass | ListOfRows) => reference(of, used, lists);
      (paths[path] ??= {})[method] = operation(source, path, method, handler, text, refer);
    }
  }
  const schemas = schemasWithin(used);
  const inThese = Object.entries(schemas).map(([name, schema]) => [name, tellsApart(schema) ? mapped(schema, schemas) : schema] as const);
  return { paths, schemas: { ...Object.fromEntries(inThese), ...lists } };
}

const tellsApart = (schema: JsonSchema): boolean => JSON.stringify(schema).includes('"discriminator"');

/** Says of every discriminator which value stands for which schema: OpenAPI would take the values for names of schemas. */
function mapped<Part>(part: Part, schemas: Record<string, JsonSchema>): Part {
  if (typeof part !== 'object' || part === null) return part;
  if (Array.isArray(part)) return part.map((item: unknown) => mapped(item, schemas)) as Part;
  const copy = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, mapped(value as unknown, schemas)]));
  const { discriminator, oneOf } = copy as { discriminator?: { propertyName: string }; oneOf?: { $ref: string }[] };
  if (discriminator === undefined || oneOf === undefined) return copy as Part;
  const valueOf = ($ref: string) => {
    const properties = schemas[$ref.slice($ref.lastIndexOf('/') + 1)]!['properties'] as Record<string, { enum: string[] }>;
    return properties[discriminator.propertyName]!.enum[0]!;
  };
  return {
    ...copy,
    discriminator: { ...discriminator, mapping: Object.fromEntries(oneOf.map(({ $ref }) => [valueOf($ref), $ref])) },
  } as Part;
}

/** What the described routes of one controller say of themselves. */
export const operationsOf = (controller: new (...parameters: never[]) => object): OperationText[] =>
  routesOf(controller).flatMap(({ handler }) => operationOf(handler) ?? []);

function routesOf(controller: new (...parameters: never[]) => object): { path: string; method: string; handler: object }[] {
  const prefix = String(Reflect.getMetadata(PATH_METADATA, controller) ?? '');
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    if (typeof handler !== 'function') return [];
    const path = Reflect.getMetadata(PATH_METADATA, handler) as string | undefined;
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (path === undefined || method === undefined) return [];
    const whole = `/${[prefix, path]
      .map((part) => part.replace(/^\/|\/$/g, ''))
      .filter(Boolean)
      .join('/')}`;
    return [{ path: whole.replace(/:(\w+)/g, '{$1}'), method: RequestMethod[method].toLowerCase(), handler }];
  });
}

function operation(
  { service, catalogue }: DocumentSource,
  path: string,
  method: string,
  handler: object,
  text: OperationText & { operationId: string },
  refer: (of: ContractClass | ListOfRows) => JsonSchema,
): Record<string, unknown> {
  const mutation = MUTATIONS.has(method);
  const ofOne = path.includes('{');
  const versioned = mutation && (ofOne || text.refuses?.includes('version_conflict') === true);
  const scope = scopeOf(handler);
  const codes = [
    ...OF_ANY,
    ...(mutation ? OF_MUTATIONS : []),
    ...(text.query && 'cursor' in propertiesOf(text.query) ? OF_LISTS : []),
    ...(ofOne ? ['not_found'] : []),
    ...(versioned ? ['version_conflict'] : []),
    ...(text.refuses ?? []),
  ];
  return {
    operationId: text.operationId,
    tags: [text.tag],
    summary: text.summary,
    ...(text.description !== undefined && { description: text.description }),
    'x-service': service,
    ...(scope !== undefined && { 'x-scope': scope }),
    ...(text.waits && { 'x-waits': true }),
    parameters: [...pathParameters(path, pathIdsOf(handler)), ...queryParameters(text.query), ...headerParameters(mutation, versioned)],
    ...(text.body && { requestBody: requestBody(text.body, text.example, refer) }),
    responses: { ...answers(text, mutation, refer), ...problems(codes, catalogue, mutation) },
  };
}

const requestBody = (body: ContractClass, example: object | undefined, refer: (of: ContractClass) => JsonSchema) => ({
  required: 'required' in schemaOf(body),
  content: { 'application/json': { schema: refer(body), ...(example !== undefined && { example }) } },
});

const pathParameters = (path: string, ids: Record<string, string>) =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: ids[name!] === undefined ? { type: 'string' } : { type: 'string', pattern: idPattern(ids[name!]!) },
  }));

const propertiesOf = (of: ContractClass) => schemaOf(of)['properties'] as Record<string, JsonSchema>;

function queryParameters(query: ContractClass | undefined) {
  if (query === undefined) return [];
  const properties = propertiesOf(query);
  const { required = [] } = schemaOf(query) as { required?: string[] };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description !== undefined && { description }),
    // Objects are written as `metadata[po]=4711`.
    ...(schema['type'] === 'object' && { style: 'deepObject', explode: true }),
    schema,
  }));
}

/** What does not exist yet has no version to match. */
const headerParameters = (mutation: boolean, versioned: boolean) =>
  [...(mutation ? ['IdempotencyKey'] : []), ...(versioned ? ['IfMatch'] : []), 'WorksPosition'].map((name) => ({
    $ref: `#/components/parameters/${name}`,
  }));

function answers(text: OperationText, mutation: boolean, refer: (of: ContractClass | ListOfRows) => JsonSchema): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(text.answers).map(([status, of]) => {
      const names = [
        'Request-Id',
        ...(mutation ? ['Works-Position', 'Idempotent-Replayed'] : ['Works-As-Of']),
        ...(status === '201' ? ['Location'] : []),
        ...(of && !('rows' in of) && 'version' in propertiesOf(of) ? ['ETag'] : []),
      ];
      return [
        status,
        {
          description: STATUS_WORDS[status] ?? 'Done',
          headers: headersOf(names),
          ...(of && { content: { 'application/json': { schema: refer(of) } } }),
        },
      ];
    }),
  );
}

const headersOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const STATUS_WORDS: Record<string, string> = { 200: 'Done', 201: 'Created', 202: 'Accepted', 204: 'Done; there is nothing to say' };

/** Refusals by the rules of the domain are remembered with their key, as successes are. */
const REMEMBERED = new Set([409, 422]);

/** One answer per status, naming the codes it can carry. */
function problems(codes: readonly string[], catalogue: ProblemCatalogue, mutation: boolean): Record<string, unknown> {
  const byStatus = new Map<number, string[]>();
  for (const code of [...new Set(codes)].sort()) {
    const kind = catalogue[code];
    if (kind === undefined) throw new Error(`An operation refuses with ${code}, which is not in the closed list of problems`);
    byStatus.set(kind.status, [...(byStatus.get(kind.status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      String(status),
      {
        description: of.map((code) => `\`${code}\``).join(', '),
        headers: headersOf([
          'Request-Id',
          ...(of.some((code) => catalogue[code]!.retryable) ? ['Retry-After'] : []),
          ...(mutation && REMEMBERED.has(status) ? ['Works-Position', 'Idempotent-Replayed'] : []),
        ]),
        content: {
          'application/problem+json': {
            schema: {
              allOf: [
                { $ref: '#/components/schemas/Problem' },
                { type: 'object', properties: { status: { const: status }, code: { enum: of } } },
              ],
            },
          },
        },
      },
    ]),
  );
}

function reference(of: ContractClass | ListOfRows, used: Set<string>, lists: Record<string, JsonSchema>): JsonSchema {
  const row = 'rows' in of ? of.rows : of;
  used.add(row.name);
  if (!('rows' in of)) return { $ref: `#/components/schemas/${row.name}` };
  lists[`${row.name}List`] = {
    type: 'object',
    additionalProperties: false,
    required: ['object', 'data', 'has_more', 'next_cursor'],
    properties: {
      object: { const: 'list' },
      data: { type: 'array', items: { $ref: `#/components/schemas/${row.name}` } },
      has_more: { type: 'boolean', description: 'There are rows after these.' },
      next_cursor: { type: ['string', 'null'], description: 'Pass it as `cursor`, with the same filter, for the rows after these.' },
    },
  };
  return { $ref: `#/components/schemas/${row.name}List` };
}
