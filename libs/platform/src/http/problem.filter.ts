import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RuleViolation } from '../errors';
import type { Logger } from '../logging';
import { isOutage } from '../postgres';
import { Problem, problemDocument, type ProblemCatalogue } from '../problems';

/** What Fastify itself refuses, in our words. */
const OF_FASTIFY: Readonly<Record<string, [code: string, detail: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send the body as JSON: `Content-Type: application/json`.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'The body may have at most 1 MB.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed_json', 'The body is not as long as its Content-Length says.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed_json', 'The body is not valid JSON.'],
};

/** Turns whatever was thrown into a problem document. Only what nobody expected is logged as an error. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly catalogue: ProblemCatalogue,
    private readonly logger: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = asProblem(error);
    const document = problemDocument(this.catalogue, problem, request.id);
    if (document.status === 500) this.logger.error({ err: error, request_id: request.id, route: request.routeOptions.url }, 'a bug, or a part that failed');
    void reply
      .code(document.status)
      .headers({ ...(problem instanceof Problem ? problem.headers : {}), 'content-type': 'application/problem+json; charset=utf-8' })
      .send(JSON.stringify(document));
  }
}

function asProblem(error: unknown): Problem | RuleViolation {
  if (error instanceof Problem || error instanceof RuleViolation) return error;
  if (isOutage(error)) {
    return new Problem('unavailable', 'The database is not reachable at the moment. Send the same request again, with the same key.', {}, { 'retry-after': '1' });
  }
  const code = (error as { code?: unknown } | null)?.code;
  const known = typeof code === 'string' ? OF_FASTIFY[code] : undefined;
  if (known) return new Problem(...known);
  if (error instanceof SyntaxError && (error as { statusCode?: number }).statusCode === 400) return new Problem('malformed_json', `The body is not valid JSON: ${error.message}.`);
  if (error instanceof HttpException && error.getStatus() === 404) return new Problem('route_not_found', 'There is no such address.');
  return new Problem('internal_error', 'Something went wrong on our side. Send the same request again; with the same key it cannot happen twice.');
}
