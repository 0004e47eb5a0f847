import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher, Pool } from 'undici';
import { CALLER_HEADER } from '@works/platform/caller';
import { Problem } from '@works/platform/problems';
import type { Admitted } from './callers';
import type { SeenPositions } from './seen-positions';

/** What a request may tell a service besides its body. The key itself never goes further than here. */
const TO_SERVICE = ['content-type', 'content-length', 'idempotency-key', 'if-match', 'if-none-match', 'traceparent', 'accept'] as const;
const TO_CLIENT = [
  'content-type',
  'content-length',
  'etag',
  'idempotent-replayed',
  'works-position',
  'retry-after',
  'cache-control',
] as const;

export const BODY_BYTES_MAX = 1_048_576;
/** Bodies up to this are held here, so that they can be sent again on a fresh connection; larger ones stream through. */
const HELD_BYTES_MAX = 65_536;

export interface Forwarding {
  readonly pool: Pool;
  readonly service: string;
  readonly prefix: string;
  readonly positions: SeenPositions;
}

/** Passes a request on and its answer back, byte for byte. Resolves when the answer is under way or has been refused. */
export async function forward(request: FastifyRequest, reply: FastifyReply, admitted: Admitted, to: Forwarding): Promise<void> {
  const given = request.headers['works-position'];
  const positions = to.positions.headerFor(admitted.caller, Array.isArray(given) ? given.join(',') : given);
  if (positions === null) throw new Problem('invalid_header', 'Works-Position must be one that an answer of ours carried.');
  const body = await bodyOf(request);
  const options: Dispatcher.DispatchOptions = {
    method: request.method,
    path: request.raw.url!.slice(to.prefix.length),
    headers: headersFor(request, admitted, positions),
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

function headersFor(request: FastifyRequest, admitted: Admitted, positions: string): Record<string, string> {
  const headers: Record<string, string> = { [CALLER_HEADER]: admitted.header, 'x-request-id': request.id };
  if (positions !== '') headers['works-position'] = positions;
  for (const name of TO_SERVICE) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}

async function bodyOf(request: FastifyRequest): Promise<Buffer | NodeJS.ReadableStream | AsyncIterable<Buffer> | null> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length === undefined && encoding === undefined) return null;
  if (Number(length ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  if (length !== undefined && Number(length) > HELD_BYTES_MAX) return request.raw;
  return collect(request.raw);
}

/** A body that does not say its length is held to the same limit. */
async function collect(source: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

const tooLarge = () => new Problem('body_too_large', 'The body may have at most 1 MB.', {}, { connection: 'close' });

/** Null when the answer went through to its end or broke after it had begun; the error when nothing of it came. */
function send(to: Forwarding, options: Dispatcher.DispatchOptions, reply: FastifyReply, admitted: Admitted): Promise<Error | null> {
  return new Promise((done) => {
    const client = reply.raw;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        client.once('close', () => {
          if (!client.writableFinished) controller.abort(new Error('the client went away'));
        });
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
