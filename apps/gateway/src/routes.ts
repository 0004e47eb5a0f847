import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export const OPENAPI_FILE = resolve(__dirname, '../../../docs/reference/openapi.json');

export interface Route {
  /** As Fastify writes it: `/projects/:id`. */
  readonly path: string;
  readonly methods: ReadonlyMap<string, Target>;
}

export interface Target {
  readonly service: string;
  /** Its answer may be long in coming, by design. */
  readonly waits: boolean;
}

interface OpenApiDocument {
  paths: Record<string, Record<string, { 'x-service': string; 'x-waits'?: true }>>;
}

/** The routes of the public API with the service of each method, out of the OpenAPI document: what is not described is not there. */
export function readRoutes(document: string): Route[] {
  const { paths } = JSON.parse(document) as OpenApiDocument;
  return Object.entries(paths).map(([path, operations]) => ({
    path: path.replace(/\{(\w+)\}/g, ':$1'),
    methods: new Map(
      Object.entries(operations).map(([method, operation]) => [
        method.toUpperCase(),
        { service: operation['x-service'], waits: operation['x-waits'] === true },
      ]),
    ),
  }));
}

export const readOpenApi = (): string => readFileSync(OPENAPI_FILE, 'utf8');
