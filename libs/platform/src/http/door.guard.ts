import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { CALLER_HEADER, verifyCaller, type Caller, type VerifiedCaller } from '../caller';
import { parsePositions, SEEN_HEADER, together } from '../caught-up';
import { scopeOf } from '../openapi';
import { Problem } from '../problems';
import type { AdmittedRequest } from './request';

/** Which instant counts as now for a caller before anything is looked up; a test clock moves it on afterwards. */
export type Clock = (caller: Caller) => Date;

/** Signed callers that were verified already; the gateway sends the same header for some seconds. */
const VERIFIED_MAX = 5_000;

const UNGUARDED = 'works:unguarded';
export const MUTATIONS: ReadonlySet<string> = new Set(['POST', 'PATCH', 'PUT', 'DELETE']);

/** 1 to 255 printable ASCII characters. */
export const isIdempotencyKey = (key: string): boolean => /^[\x20-\x7e]{1,255}$/.test(key);

/** For the few addresses that tell nothing of any tenant, such as health and metrics. */
export const Unguarded = (): MethodDecorator => (_target, _property, descriptor) => {
  Reflect.defineMetadata(UNGUARDED, true, descriptor.value as object);
};

/**
 * Before anything is looked up, read or validated: who asks, are they allowed, and does a mutation carry its key.
 * In this order, so that a refusal tells nothing that the caller was not entitled to.
 */
export class DoorGuard implements CanActivate {
  private readonly verified = new LRUCache<string, VerifiedCaller>({ max: VERIFIED_MAX });

  constructor(
    private readonly key: Buffer,
    private readonly clock: Clock,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    if (Reflect.hasMetadata(UNGUARDED, handler)) return true;
    const request = context.switchToHttp().getRequest<AdmittedRequest>();
    const caller = this.callerOf(request);
    requireScope(caller, scopeOf(handler));
    if (MUTATIONS.has(request.method)) requireIdempotencyKey(request);
    const claimed = parsePositions(header(request, 'works-position'), true);
    const remembered = parsePositions(header(request, SEEN_HEADER), false);
    if (claimed === null || remembered === null)
      throw new Problem('invalid_header', 'Works-Position must be one that an answer of ours carried.');
    request.admitted = { caller, now: this.clock(caller), positions: together(claimed, remembered) };
    return true;
  }

  private callerOf(request: FastifyRequest): Caller {
    const signed = header(request, CALLER_HEADER);
    const nowMs = Date.now();
    const known = signed === undefined ? undefined : this.verified.get(signed);
    if (known !== undefined && known.expiresAt > nowMs) return known.caller;
    const verified = verifyCaller(signed, this.key, nowMs);
    if (verified === null) throw unauthenticated();
    this.verified.set(signed!, verified);
    return verified.caller;
  }
}

/** RFC 9110 asks for the challenge with every 401. */
const unauthenticated = () =>
  new Problem('unauthenticated', 'Send a valid API key: `Authorization: Bearer sk_…`.', {}, { 'www-authenticate': 'Bearer' });

/** For what only a part of a route's answers needs; asked before anything is looked up, as the door does. */
export function requireScope(caller: Caller, scope: string | undefined): void {
  if (scope === undefined || caller.scopes.includes(scope) || caller.scopes.includes('*')) return;
  throw new Problem('scope_missing', `This API key lacks the scope ${scope}.`, { scope });
}

function requireIdempotencyKey(request: FastifyRequest): void {
  const key = header(request, 'idempotency-key');
  if (key === undefined || key === '')
    throw new Problem('idempotency_key_missing', 'Send an Idempotency-Key header with every POST, PATCH, PUT and DELETE.');
  if (!isIdempotencyKey(key)) throw new Problem('idempotency_key_invalid', 'An Idempotency-Key is 1 to 255 printable ASCII characters.');
}

/** A header's value. Several of one name, where they are a list, are joined with commas. */
export function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
