import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RuleViolation } from '../errors';
import type { Logger } from '../logging';
import { isOutage } from '../postgres';
import { Problem, problemDocument, type ProblemCatalogue } from '../problems';
import type { Addresses } from './addresses';

/** What Fastify and Nest themselves refuse, by status, in our words. Nest has turned their errors into HttpExceptions by now. */
const OF_FRAMEWORK: Readonly<Record<number, [code: string, detail: string]>> = {
  400: ['malformed_json', 'The body is not valid JSON.'],
  413: ['body_too_large', 'The body may have at most 1 MB.'],
  415: ['unsupported_media_type', 'Send the body as JSON: `Content-Type: application/json`.'],
};

/** Turns whatever was thrown into a problem document. Only what nobody expected is logged as an error. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly catalogue: ProblemCatalogue,
    private readonly logger: Logger,
    private readonly addresses: Addresses,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    this.answer(this.asProblem(error, request), error, request, http.getResponse<FastifyReply>());
  }

  /** Addresses that cannot even be looked up, such as `/tasks/%zz`: Fastify refuses them before any hook. */
  refuseAddress(error: Error, request: FastifyRequest, reply: FastifyReply): void {
    this.answer(noSuchAddress(), error, request, reply.header('request-id', request.id));
  }

  /** Before there is a route. */
  refuse(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
    this.answer(problem, problem, request, reply);
  }

  private answer(problem: Problem | RuleViolation, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const document = problemDocument(this.catalogue, problem, request.id);
    if (document.status === 500)
      this.logger.error({ err: error, request_id: request.id, route: request.routeOptions.url }, 'a bug, or a part that failed');
    void reply
      .code(document.status)
      .headers({ ...(problem instanceof Problem ? problem.headers : {}), 'content-type': 'application/problem+json; charset=utf-8' })
      .send(JSON.stringify(document));
  }

  private asProblem(error: unknown, request: FastifyRequest): Problem | RuleViolation {
    if (error instanceof Problem || error instanceof RuleViolation) return error;
    if (isOutage(error)) {
      return new Problem(
        'unavailable',
        'The database is not reachable at the moment. Send the same request again, with the same key.',
        {},
        { 'retry-after': '1' },
      );
    }
    const status = error instanceof HttpException ? error.getStatus() : undefined;
    if (status === 404) return this.noRoute(request);
    const known = status === undefined ? undefined : OF_FRAMEWORK[status];
    if (known) return new Problem(...known);
    return new Problem(
      'internal_error',
      'Something went wrong on our side. Send the same request again; with the same key it cannot happen twice.',
    );
  }

  private noRoute(request: FastifyRequest): Problem {
    const allow = this.addresses.methodsAt(request.url).join(', ');
    return allow === '' ? noSuchAddress() : new Problem('method_not_allowed', `This address takes ${allow}.`, {}, { allow });
  }
}

const noSuchAddress = () => new Problem('route_not_found', 'There is no such address.');
