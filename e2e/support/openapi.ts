import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';

import { root } from './product';
import type { Reply } from './reply';

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }>; headers?: Record<string, unknown> }>;
}

const document = JSON.parse(readFileSync(join(root, 'docs/reference/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
  components: object;
};

const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
ajv.addFormat('time-zone', true);
ajv.addSchema({ $id: 'openapi', components: document.components });

const routes = Object.entries(document.paths).map(([path, operations]) => ({
  pattern: new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`),
  fixed: !path.includes('{'),
  path,
  operations,
}));

const validators = new Map<string, ValidateFunction>();

/** Throws unless the document has this route, this status for it, this content type, and a schema that the body fulfils. */
export function expectContract(method: string, pathWithQuery: string, reply: Reply): void {
  const path = pathWithQuery.split('?')[0]!;
  const matches = routes.filter(({ pattern }) => pattern.test(path));
  const route = matches.find(({ fixed }) => fixed) ?? matches[0];
  const operation = route?.operations[method.toLowerCase()];
  if (operation === undefined) {
    // The document cannot describe addresses that it does not have; the gateway answers those itself.
    if (![401, 404, 405].includes(reply.status))
      throw new Error(`${method} ${path} answered ${reply.status} but is not in the OpenAPI document`);
    return;
  }
  const answer = operation.responses[String(reply.status)];
  if (answer === undefined)
    throw new Error(`${method} ${route!.path} answered ${reply.status}, which the OpenAPI document does not have: ${reply.text}`);
  if (answer.content === undefined) return;
  const type = (reply.headers.get('content-type') ?? '').split(';')[0]!;
  const content = answer.content[type];
  if (content === undefined)
    throw new Error(`${method} ${route!.path} answered ${reply.status} as ${type}, which the OpenAPI document does not have`);
  const validate = validatorOf(`${method} ${route!.path} ${reply.status} ${type}`, content.schema);
  if (!validate(reply.body)) {
    throw new Error(
      `${method} ${route!.path} ${reply.status} breaks its schema: ${ajv.errorsText(validate.errors)}\n${reply.text.slice(0, 2_000)}`,
    );
  }
}

function validatorOf(name: string, schema: object): ValidateFunction {
  const known = validators.get(name);
  if (known) return known;
  // References point into the document; under this id they resolve there.
  const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/')) as object;
  const validate = ajv.compile(absolute);
  validators.set(name, validate);
  return validate;
}
