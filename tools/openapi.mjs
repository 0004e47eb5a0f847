// Merges what the services' controllers and validators say into docs/reference/openapi.json. `--check` compares instead.
// Needs the build (apps/*/dist); starts nothing.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { root } from './install.mjs';

const unknown = process.argv.slice(2).filter((word) => word !== '--check');
if (unknown.length > 0) {
  console.error(`openapi does not know ${unknown.join(' ')}. It takes --check.`);
  process.exit(2);
}

const require = createRequire(import.meta.url);
const FILE = join(root, 'docs/reference/openapi.json');
const SERVICES = ['projects', 'tasks', 'webhooks'];

const { openApiParts } = require('@works/platform/openapi');
const { PROBLEMS } = require('@works/contracts/problems');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const parts = SERVICES.map((service) => {
  const { controllers } = require(join(root, `apps/${service}/dist/${service}.module.js`));
  return openApiParts({ service, controllers, catalogue: PROBLEMS });
});

const TAGS = {
  Projects: 'A delivery with an owner, from a won deal or directly.',
  Milestones: 'The gates that end the phases of a project.',
  Tasks: 'One thing to do, in somebody’s queue.',
  Queues: 'What a person has to do now, in one call.',
  Events: 'Everything that happened, in order, without gaps.',
  'Test mode': 'What only test mode has: a clock of its own, so that due and overdue can be tried without waiting.',
  Webhooks: 'Where events go, and how each delivery went.',
};

const text = { type: 'string' };
const document = {
  openapi: '3.1.0',
  info: {
    title: 'SK Works',
    version,
    description: readFileSync(join(root, 'docs/reference/introduction.md'), 'utf8').trim(),
  },
  servers: [{ url: 'https://api.softknack.com/works/v1' }],
  security: [{ key: [] }],
  tags: tagsOf(parts),
  paths: sorted(mergedPaths(parts.map(({ paths }) => paths))),
  components: {
    securitySchemes: {
      key: {
        type: 'http',
        scheme: 'bearer',
        description: 'An API key, `sk_live_…` or `sk_test_…`. Test and live are separate environments.',
      },
    },
    parameters: {
      IdempotencyKey: {
        name: 'Idempotency-Key',
        in: 'header',
        required: true,
        description: 'The same key with the same request always answers the same, for 24 hours.',
        schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' },
      },
      IfMatch: {
        name: 'If-Match',
        in: 'header',
        description: 'Refuse with 412 unless the resource still has this ETag.',
        schema: { ...text, examples: ['W/"3"'] },
      },
      WorksPosition: {
        name: 'Works-Position',
        in: 'header',
        description: 'Answer from data at least as new as the answer that carried this.',
        schema: text,
      },
    },
    headers: {
      'Request-Id': { description: 'Names this request in logs; quote it when you ask us something.', schema: text },
      'Works-Position': { description: 'How new this answer is; pass it back to read at least as new.', schema: text },
      'Works-As-Of': {
        description:
          "On answers over a whole organization, where they build on other services: up to which position of each everybody's changes are in. What you wrote with the same key is in, whatever this says.",
        schema: { ...text, examples: ['tasks:e4f9a01c.733'] },
      },
      'Idempotent-Replayed': {
        description: '`true` when this is the remembered answer of an earlier request with this key.',
        schema: { type: 'string', enum: ['true'] },
      },
      ETag: { description: 'The version of the resource.', schema: { ...text, examples: ['W/"3"'] } },
      Location: { description: 'Where the new resource is.', schema: text },
      'Retry-After': { description: 'Seconds after which the same request can succeed; sent where we know.', schema: { type: 'integer' } },
    },
    schemas: sorted({ ...merged(parts.map(({ schemas }) => schemas)), Problem: problemSchema() }),
  },
};

const written = `${JSON.stringify(document, null, 2)}\n`;
if (process.argv.includes('--check')) check();
else {
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, written);
  console.log(`${Object.keys(document.paths).length} paths, ${Object.keys(document.components.schemas).length} schemas`);
}

function check() {
  const stored = existsSync(FILE) ? readFileSync(FILE, 'utf8') : '{}';
  if (stored === written) return console.log('docs/reference/openapi.json is what the code says');
  const differing = differences(JSON.parse(stored), document);
  console.error(`docs/reference/openapi.json is not what the code says. Run: npm run openapi\n${differing.slice(0, 20).join('\n')}`);
  process.exitCode = 1;
}

/** The paths (RFC 6901) at which two JSON values differ. */
function differences(was, is, pointer = '') {
  if (JSON.stringify(was) === JSON.stringify(is)) return [];
  if (typeof was !== 'object' || typeof is !== 'object' || was === null || is === null) return [`  ${pointer}`];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return names.flatMap((name) => differences(was[name], is[name], `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`));
}

/** In the order in which a newcomer meets them; one that has no text here comes last. */
function tagsOf(all) {
  const used = new Set(
    all.flatMap(({ paths }) => Object.values(paths).flatMap((operations) => Object.values(operations).flatMap(({ tags }) => tags))),
  );
  const introduced = Object.keys(TAGS).filter((name) => used.has(name));
  const others = [...used].filter((name) => !(name in TAGS)).sort();
  return [...introduced.map((name) => ({ name, description: TAGS[name] })), ...others.map((name) => ({ name }))];
}

function sorted(object) {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One address may have methods in several services, but each method, and each operation's name, has one home. */
function mergedPaths(all) {
  const result = {};
  const names = new Set();
  for (const [path, operations] of all.flatMap((paths) => Object.entries(paths))) {
    for (const [method, operation] of Object.entries(operations)) {
      if (result[path]?.[method] !== undefined) throw new Error(`Two services answer ${method.toUpperCase()} ${path}`);
      if (names.has(operation.operationId)) throw new Error(`Two operations are called ${operation.operationId}`);
      names.add(operation.operationId);
      result[path] = { ...result[path], [method]: operation };
    }
  }
  return result;
}

/** Two services may show the same resource; they must show it alike. */
function merged(all) {
  const result = {};
  for (const [name, schema] of all.flatMap((schemas) => Object.entries(schemas))) {
    if (result[name] !== undefined && JSON.stringify(result[name]) !== JSON.stringify(schema))
      throw new Error(`Two services describe ${name} differently`);
    result[name] = schema;
  }
  return result;
}

function problemSchema() {
  return {
    type: 'object',
    description: 'RFC 9457. `code` is one of a closed list; each has a page at `type`.',
    required: ['type', 'title', 'status', 'code', 'detail', 'retryable', 'request_id'],
    properties: {
      type: { type: 'string', format: 'uri' },
      title: text,
      status: { type: 'integer' },
      code: { type: 'string', enum: Object.keys(PROBLEMS).sort() },
      detail: text,
      retryable: { type: 'boolean', description: 'The same request, unchanged, can succeed later.' },
      request_id: text,
      errors: {
        type: 'array',
        description: 'Every bad field.',
        items: {
          type: 'object',
          required: ['pointer', 'code', 'detail'],
          properties: { pointer: { type: 'string', description: 'RFC 6901' }, code: text, detail: text },
        },
      },
    },
  };
}
