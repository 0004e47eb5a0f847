import type { FastifyRequest } from 'fastify';
import type { Caller } from '../caller';
import type { PositionsByService } from '../caught-up';

/** What the door learns about a request before its handler runs. */
export interface AdmittedRequest extends FastifyRequest {
  admitted?: Admission;
}

export interface Admission {
  readonly caller: Caller;
  /** The instant that counts as now for this request. */
  readonly now: Date;
  readonly positions: PositionsByService;
}

export function admissionOf(request: AdmittedRequest): Admission {
  if (request.admitted === undefined) throw new Error(`${request.url} was handled without having been admitted`);
  return request.admitted;
}
