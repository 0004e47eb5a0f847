import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { operationOf } from '../openapi';
import type { FieldError } from './field-errors';
import { escaped } from './pointers';
import { invalid } from './validate';

/**
 * An operation that takes no body, or no query, has no parameter that a pipe could hold against a schema: what comes all the same is
 * refused here, by name as everywhere, or a misspelt address would pass for a request that was understood.
 */
export class NothingUnasked implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const operation = operationOf(context.getHandler());
    if (operation === undefined) return next.handle();
    const { body, query } = context.switchToHttp().getRequest<FastifyRequest>();
    const errors = [
      ...(operation.query === undefined ? unasked(query) : []),
      ...(operation.body === undefined && body !== undefined ? unasked(body) : []),
    ];
    if (errors.length > 0) throw invalid(errors);
    return next.handle();
  }
}

function unasked(given: unknown): FieldError[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return [{ pointer: '', code: 'wrong_type', detail: 'must be an object' }];
  return Object.keys(given).map((name) => ({
    pointer: `/${escaped(name)}`,
    code: 'unknown_field',
    detail: 'is not a field of this request',
  }));
}
