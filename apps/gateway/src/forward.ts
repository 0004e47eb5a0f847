import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher, Pool } from 'undici';
import { CALLER_HEADER } from '@works/platform/caller';
import { parsePositions, SEEN_HEADER } from '@works/platform/caught-up';
import { mayDieAt } from '@works/platform/fault-points';
import { CLAIM_HEADER } from '@works/platform/idempotency';
import { isIdempotencyKey, MUTATIONS } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import type { AdmissionControl } from './admission-control';
import type { Admitted } from './callers';
import type { KeyOwners } from './key-owners';
import { noSuchAddress } from './problems';
import { bodyOf } from './request-body';
import type { SeenPositions } from './seen-positions';

/** What a request may tell a service besides its body. The key itself never goes further than here. */
const TO_SERVICE = [
  'content-type',
  'content-encoding',
  'content-length',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'traceparent',
  'accept',
] as const;
const TO_CLIENT = [
  'content-type',
  'content-length',
  'etag',
  'idempotent-replayed',
  'works-position',
  'works-as-of',
  'retry-after',
  'cache-control',
] as const;

export interface Forwarding {
  readonly pool: Pool;
  readonly service: string;
  readonly prefix: string;
  readonly admission: AdmissionControl;
  readonly positions: SeenPositions;
  readonly keys: KeyOwners;
}

/** Passes a request on and its answer back, byte for byte. Resolves when the answer is under way or has been refused. */
export async function forward(request: FastifyRequest, reply: FastifyReply, admitted: Admitted, to: Forwarding): Promise<void> {
  const given = request.headers['works-position'];
  const claimedPosition = Array.isArray(given) ? given.join(',') : (given ?? '');
  if (parsePositions(claimedPosition, true) === null)
    throw new Problem('invalid_header', 'Works-Position must be one that an answer of ours carried.');
  // Before anything is held for it: no body, no key, no connection.
  if (MUTATIONS.has(request.method) && !(await to.admission.admit(admitted.caller, reply.raw))) return void reply.hijack();
  const body = await bodyOf(request.raw);
  const generation = await claimed(request, admitted, to);
  if (generation !== null) mayDieAt('key-claimed');
  const options: Dispatcher.DispatchOptions = {
    method: request.method,
    path: pathOf(request.raw.url!, to.prefix),
    headers: headersFor(request, admitted, { claimed: claimedPosition, seen: to.positions.of(admitted.caller) }, generation),
    body: body as Dispatcher.DispatchOptions['body'],
  };
  const repeatable = body === null || Buffer.isBuffer(body);
  // The idempotency key makes a second sending safe, also of a mutation whose first sending may have arrived.
  for (let sendings = repeatable ? 2 : 1; ; sendings--) {
    const failure = await send(to, options, reply, admitted);
    if (failure === null) return;
    if (sendings === 1 || !isClosedSocket(failure)) throw unreachable(request, to.service);
  }
}

/**
 * The generation under which the service owns the mutation's key; null where there is none to own. Whether the key is usable the service says, which
 * also asks first who may do what: one that is not has no claim, and has no effect there.
 */
async function claimed(request: FastifyRequest, admitted: Admitted, to: Forwarding): Promise<number | null> {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || !isIdempotencyKey(key) || !MUTATIONS.has(request.method)) return null;
  return to.keys.own(admitted, key, to.service);
}

/**
 * What follows the prefix; before it may stand the scheme and the host, as a proxy's client writes them (RFC 9112, 3.2.2). The router
 * decodes before it matches, so `/%77orks/v1/…` comes here too: looked for anywhere else, the prefix could be one in the query, and the
 * client would choose which address of the service it reaches.
 */
function pathOf(url: string, prefix: string): string {
  const path = url.replace(SCHEME_AND_HOST, '');
  if (!path.startsWith(prefix)) throw noSuchAddress(url);
  return path.slice(prefix.length);
}

const SCHEME_AND_HOST = /^https?:\/\/[^/?#]*/i;

function headersFor(
  request: FastifyRequest,
  admitted: Admitted,
  { claimed, seen }: { readonly claimed: string; readonly seen: string },
  generation: number | null,
): Record<string, string> {
  const headers: Record<string, string> = { [CALLER_HEADER]: admitted.header, 'x-request-id': request.id };
  if (claimed !== '') headers['works-position'] = claimed;
  if (seen !== '') headers[SEEN_HEADER] = seen;
  // The first is what a service takes every request for.
  if (generation !== null && generation > 1) headers[CLAIM_HEADER] = String(generation);
  for (const name of TO_SERVICE) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}

/** Null when the answer went through to its end or broke after it had begun; the error when nothing of it came. */
function send(to: Forwarding, options: Dispatcher.DispatchOptions, reply: FastifyReply, admitted: Admitted): Promise<Error | null> {
  return new Promise((done) => {
    const client = reply.raw;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        const leave = () => {
          if (!client.writableFinished) controller.abort(new Error('the client went away'));
        };
        if (client.destroyed)
          leave(); // while the request waited for a connection
        else client.once('close', leave);
      },
      onResponseStart(controller, status, headers) {
        reply.hijack();
        client.on('drain', () => controller.resume());
        const position = headers['works-position'];
        if (typeof position === 'string') to.positions.note(admitted.caller, position);
        client.writeHead(status, headersOf(headers, to.prefix, reply.request.id));
      },
      onResponseData(controller, chunk) {
        if (!client.write(chunk)) controller.pause();
      },
      onResponseEnd() {
        client.end();
        done(null);
      },
      onResponseError(_controller, error) {
        if (!client.headersSent) return done(error);
        client.destroy(); // half an answer must not look like a whole one
        done(null);
      },
    };
    to.pool.dispatch(options, handler);
  });
}

function headersOf(headers: IncomingHttpHeaders, prefix: string, requestId: string): Record<string, string> {
  const passed: Record<string, string> = { 'request-id': requestId };
  for (const name of TO_CLIENT) {
    const value = headers[name];
    if (typeof value === 'string') passed[name] = value;
  }
  if (typeof headers.location === 'string') passed['location'] = prefix + headers.location;
  return passed;
}

const isClosedSocket = (error: Error & { code?: string }): boolean =>
  error.code === 'UND_ERR_SOCKET' || error.code === 'ECONNRESET' || error.code === 'EPIPE';

const unreachable = (request: FastifyRequest, service: string) =>
  new Problem(
    'unavailable',
    request.method === 'GET'
      ? `The ${service} service is not reachable at the moment. Try again.`
      : `The ${service} service is not reachable at the moment, and whether the request had its effect is not known. Send it again with the same Idempotency-Key.`,
    {},
    { 'retry-after': '1' },
  );
