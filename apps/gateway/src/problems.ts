import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEMS } from '@works/contracts/problems';
import type { Logger } from '@works/platform/logging';
import { isOutage } from '@works/platform/postgres';
import { Problem, problemDocument } from '@works/platform/problems';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export const unauthenticated = () =>
  new Problem('unauthenticated', 'Send a valid API key: `Authorization: Bearer sk_…`.', {}, { 'www-authenticate': 'Bearer' });

export const noSuchAddress = (url: string | undefined) => new Problem('route_not_found', `There is no ${url?.split('?')[0]}.`);

export function answerProblem(error: Error, request: FastifyRequest, reply: FastifyReply, logger: Logger): void {
  const problem = asProblem(error, request.raw.url);
  if (problem.code === 'internal_error') logger.error({ err: error, request_id: request.id }, 'a bug, or a part that failed');
  const document = problemDocument(PROBLEMS, problem, request.id);
  void reply
    .code(document.status)
    .headers({ ...problem.headers, 'content-type': PROBLEM_TYPE })
    .send(JSON.stringify(document));
}

function asProblem(error: Error, url: string | undefined): Problem {
  if (error instanceof Problem) return error;
  if (isOutage(error))
    return new Problem(
      'unavailable',
      'The service cannot check keys at the moment, and nothing has happened. Send the same request again, with the same keys.',
      {},
      { 'retry-after': '1' },
    );
  // Known addresses refuse the method itself before Fastify asks this of a QUERY.
  if ((error as FastifyError).code === 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE') return noSuchAddress(url);
  // The one thing that Fastify itself refuses after the address: a Content-Type that is none.
  if ((error as FastifyError).statusCode === 415)
    return new Problem('unsupported_media_type', 'Send the body as JSON: `Content-Type: application/json`.');
  return new Problem(
    'internal_error',
    'Something went wrong on our side. Send the same request again; with the same key it cannot happen twice.',
  );
}
