import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Pool } from 'undici';
import {
  notReady,
  refuseExpectation,
  refuseUnreadable,
  repeatedHeader,
  requestIdOf,
  type Metrics,
  type ReadyChecks,
} from '@works/platform/http';
import type { Logger } from '@works/platform/logging';
import { Problem } from '@works/platform/problems';
import type { AdmissionControl } from './admission-control';
import type { Callers } from './callers';
import { addDocs } from './docs';
import { forward } from './forward';
import type { KeyClaims } from './key-claims';
import { KeyOwners } from './key-owners';
import { answerProblem, noSuchAddress, unauthenticated } from './problems';
import { readRoutes } from './routes';
import type { SeenPositions } from './seen-positions';

export const PREFIX = '/works/v1';
/** A whole request is here within this time, or its connection ends: a body of 1 MB over a line of 200 kbit/s takes 42 s. */
const REQUEST_MS = 60_000;

export interface GatewayParts {
  readonly openApi: string;
  readonly callers: Callers;
  readonly claims: KeyClaims;
  readonly admission: AdmissionControl;
  readonly positions: SeenPositions;
  /** A keep-alive pool for each service that the document names. */
  readonly services: ReadonlyMap<string, Pool>;
  /** Connections of their own for requests that wait for something to happen; they would fill the others with waiting. */
  readonly waiting: ReadonlyMap<string, Pool>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Named checks of `/health/ready`. */
  readonly ready: ReadyChecks;
}

/** The public door: admits, gives the request an id, forwards to the service that owns the route. It knows nothing of the domain. */
export async function buildGateway(parts: GatewayParts): Promise<FastifyInstance> {
  const refuse = (error: Error, request: FastifyRequest, reply: FastifyReply) => answerProblem(error, request, reply, parts.logger);
  const app = fastify({
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers['x-request-id']),
    forceCloseConnections: 'idle',
    keepAliveTimeout: 75_000,
    requestTimeout: REQUEST_MS,
    routerOptions: { maxParamLength: 500 },
    // Addresses that cannot even be looked up, such as `/tasks/%zz`: Fastify refuses them before any hook.
    frameworkErrors: (_error, request, reply) => refuse(noSuchAddress(request.raw.url), request, reply.header('request-id', request.id)),
    clientErrorHandler: refuseUnreadable,
    // Node would answer 400 without a word; see requireHost.
    http: { requireHostHeader: false },
  });
  app.server.on('checkExpectation', refuseExpectation);
  // Bodies are not read here: they are passed on as they come.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) => refuse(noSuchAddress(request.raw.url), request, reply));
  account(app, parts);
  requireHost(app);
  requireSingleValues(app);
  addHealth(app, parts);
  await addDocs(app, parts.openApi);
  addRoutes(app, parts);
  return app;
}

function addRoutes(app: FastifyInstance, parts: GatewayParts): void {
  const { openApi, callers, claims, admission, positions, services, waiting } = parts;
  const keys = new KeyOwners(claims, services);
  for (const { path, methods } of readRoutes(openApi)) {
    for (const [method, { service, waits }] of methods) {
      const pool = (waits ? waiting : services).get(service);
      if (pool === undefined) throw new Error(`No address is configured for the service ${service}`);
      const to = { pool, service, prefix: PREFIX, admission, positions, keys };
      app.route({ method, url: PREFIX + path, handler: (request, reply) => admitAndForward(request, reply, callers, to) });
    }
    refuseOtherMethods(app, PREFIX + path, [...methods.keys()]);
  }
}

function refuseOtherMethods(app: FastifyInstance, url: string, methods: string[]): void {
  const allow = methods.sort().join(', ');
  // Where there is GET, Fastify answers HEAD as well.
  const taken = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  app.route({
    method: app.supportedMethods.filter((method) => !taken.includes(method)),
    url,
    // Before anything is asked of the rest of the request: of a QUERY Fastify wants a Content-Type first.
    onRequest: (_request, _reply, done) => done(new Problem('method_not_allowed', `This address takes ${allow}.`, {}, { allow })),
    handler: () => undefined,
  });
}

async function admitAndForward(
  request: FastifyRequest,
  reply: FastifyReply,
  callers: Callers,
  to: Parameters<typeof forward>[3],
): Promise<void> {
  const admitted = await callers.admit(request.headers.authorization);
  if (admitted === null) throw unauthenticated();
  await forward(request, reply, admitted, to);
}

/** One line and one observation per request. */
function account(app: FastifyInstance, { logger, metrics }: GatewayParts): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    const status = reply.raw.statusCode;
    metrics.observeRequest(request.method, route, status, reply.elapsedTime);
    if (logger.isLevelEnabled('info')) {
      logger.info(
        { request_id: request.id, method: request.method, route, status, ms: Math.round(reply.elapsedTime * 10) / 10 },
        'answered',
      );
    }
    done();
  });
}

/** RFC 9112, 3.2: a request of HTTP/1.1 without it is refused, and any with two. Node would take the first, and a proxy before us the other. */
function requireHost(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const hosts = raw.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
    const refused = hosts > 1 || (hosts === 0 && raw.httpVersion === '1.1');
    done(refused ? new Problem('invalid_header', 'HTTP/1.1 asks for one Host header.') : undefined);
  });
}

function requireSingleValues(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => done(repeatedHeader(raw.rawHeaders) ?? undefined));
}

function addHealth(app: FastifyInstance, { metrics, ready }: GatewayParts): void {
  app.get('/health/live', () => ({ status: 'live' }));
  app.get('/health/ready', async (_request, reply) => {
    const failed = await notReady(ready);
    return reply.code(failed.length === 0 ? 200 : 503).send({ status: failed.length === 0 ? 'ready' : 'not ready', failed });
  });
  app.get('/metrics', async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()));
}
