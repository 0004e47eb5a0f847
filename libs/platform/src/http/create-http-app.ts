import { ModulesContainer, NestFactory } from '@nestjs/core';
import type { DynamicModule, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { deriveKey } from '../config';
import { newId } from '../ids';
import type { Logger } from '../logging';
import { operationsOf } from '../openapi';
import type { ProblemCatalogue } from '../problems';
import { Addresses } from './addresses';
import { ContractPipe } from './contract.pipe';
import { DoorGuard, type Clock } from './door.guard';
import { AnswerAdapter } from './fastify.adapter';
import { notReady, type ReadyChecks } from './health';
import type { Metrics } from './metrics';
import { NothingUnasked } from './nothing-unasked.interceptor';
import { ProblemFilter } from './problem.filter';
import { readJsonOnly } from './read-json';
import { repeatedHeader } from './repeated-headers';
import { refuseUnreadable } from './unreadable';
import { prepare } from './validate';
import type { AdmittedRequest } from './request';

export interface HttpAppOptions {
  readonly module: Type | DynamicModule;
  readonly catalogue: ProblemCatalogue;
  /** WORKS_SECRET; the key that signs callers is derived from it. */
  readonly secret: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /** Named checks of `/health/ready`; each rejects, or does not answer, while its part is not ready. */
  readonly ready: ReadyChecks;
}

/** The gateway refuses larger bodies already; a service reached by another way does too. */
const BODY_BYTES_MAX = 1_048_576;

const adoptable = /^[A-Za-z0-9._-]{1,64}$/;

/** A Nest application on Fastify with our door, our validation and our problems; it does not listen yet. */
export async function createHttpApp(options: HttpAppOptions): Promise<NestFastifyApplication> {
  const addresses = new Addresses();
  const problems = new ProblemFilter(options.catalogue, options.logger, addresses);
  const adapter = new AnswerAdapter({
    bodyLimit: BODY_BYTES_MAX,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers['x-request-id']),
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => problems.refuseAddress(error, request, reply),
    clientErrorHandler: refuseUnreadable,
  });
  const app = await NestFactory.create<NestFastifyApplication>(options.module, adapter, {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  fastify.addHook('onRoute', ({ url, method }) => addresses.note(url, method));
  readJsonOnly(fastify);
  accountFor(fastify, options);
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done) => {
    const refusal = repeatedHeader(request.raw.rawHeaders);
    if (refusal === null) return done();
    problems.refuse(refusal, request, reply);
  });
  addHealth(fastify, options);
  app.useGlobalGuards(new DoorGuard(deriveKey(options.secret, 'caller'), options.clock ?? (() => new Date())));
  app.useGlobalInterceptors(new NothingUnasked());
  app.useGlobalPipes(new ContractPipe());
  app.useGlobalFilters(problems);
  prepareContracts(app);
  return app;
}

function prepareContracts(app: NestFastifyApplication): void {
  const modules = [...app.get(ModulesContainer).values()];
  const controllers = modules.flatMap((module) => [...module.controllers.values()].map(({ metatype }) => metatype as Type));
  for (const operation of controllers.flatMap((controller) => operationsOf(controller))) prepare(operation);
}

/** Adopts a request id that is fit for logs and headers, makes one otherwise. */
export const requestIdOf = (given: string | string[] | undefined): string =>
  typeof given === 'string' && adoptable.test(given) ? given : newId('req');

/** One line and one observation per request. Successes are at level debug: the gateway has said them already. */
function accountFor(fastify: FastifyInstance, { logger, metrics }: HttpAppOptions): void {
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done) => {
    reply.header('request-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime);
    const level = reply.statusCode >= 500 ? 'warn' : 'debug';
    if (logger.isLevelEnabled(level)) {
      logger[level](
        {
          request_id: request.id,
          organization_id: (request as AdmittedRequest).admitted?.caller.organizationId,
          method: request.method,
          route,
          status: reply.statusCode,
          ms: Math.round(reply.elapsedTime * 10) / 10,
        },
        'answered',
      );
    }
    done();
  });
}

function addHealth(fastify: FastifyInstance, { metrics, ready }: HttpAppOptions): void {
  fastify.get('/health/live', (_request, reply) => reply.send({ status: 'live' }));
  fastify.get('/health/ready', async (_request, reply) => {
    const failed = await notReady(ready);
    return reply.code(failed.length === 0 ? 200 : 503).send({ status: failed.length === 0 ? 'ready' : 'not ready', failed });
  });
  fastify.get('/metrics', async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()));
}
