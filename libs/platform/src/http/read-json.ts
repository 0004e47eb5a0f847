import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problems';

/** Whatever walks a value walks into its depth; no resource of any product has a tenth of this. */
const DEPTH_MAX = 64;

/**
 * Bodies are JSON (RFC 8259) or absent; 415 for any other type, and for a compressed one. What JSON leaves open is closed here: the bytes must be UTF-8 (a
 * decoder would put replacement characters into a name and nobody would know), the nesting is bounded, and no key may reach for
 * a prototype. A body of nothing but white space counts as `{}`.
 */
export function readJsonOnly(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (!isPlain(request.headers['content-encoding']))
      return done(new Problem('unsupported_media_type', 'Send the body as it is, without a Content-Encoding.'));
    if (!isUtf8(bytes)) return done(new Problem('malformed_json', 'The body is not UTF-8.'));
    if (deeperThan(bytes, DEPTH_MAX)) return done(new Problem('malformed_json', `The body is nested deeper than ${DEPTH_MAX} levels.`));
    const text = bytes.toString();
    if (text.trim() === '') return done(null, {});
    return parse(request, text, done);
  });
}

const isPlain = (encoding: string | undefined): boolean => encoding === undefined || /^\s*(identity\s*)?$/i.test(encoding);

const [QUOTE, BACKSLASH, OPEN, CLOSE] = [0x22, 0x5c, [0x5b, 0x7b], [0x5d, 0x7d]] as const;

/** Counts brackets outside of strings, before anything recursive sees the value. */
function deeperThan(bytes: Buffer, levels: number): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (inText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN[0] || byte === OPEN[1]) {
      depth += 1;
      if (depth > levels) return true;
    } else if (byte === CLOSE[0] || byte === CLOSE[1]) depth -= 1;
  }
  return false;
}
