import type { IncomingMessage } from 'node:http';
import { Problem } from '@works/platform/problems';

export const BODY_BYTES_MAX = 1_048_576;
/** Bodies up to this are held here, so that they can be sent again on a fresh connection; larger ones stream through. */
const HELD_BYTES_MAX = 65_536;

/** Null when the request has none; a buffer when it can be sent twice. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer | AsyncIterable<Buffer> | null> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length === undefined && encoding === undefined) return null;
  if (Number(length ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  if (length !== undefined && Number(length) > HELD_BYTES_MAX) return chunksOf(request);
  return collect(request);
}

/** A body that does not say its length is held to the same limit; what is beyond it is read and dropped. */
function collect(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
      else reject(tooLarge());
    });
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client went away')));
  });
}

/**
 * Whoever stops reading in the middle leaves the connection whole: the rest is read and dropped, so that a client that is still
 * sending gets its answer and not a reset. How long it may go on sending is bounded by the server's request timeout.
 */
async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } finally {
    request.resume();
  }
}

const tooLarge = () => new Problem('body_too_large', 'The body may have at most 1 MB.');
