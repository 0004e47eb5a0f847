import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problems';
import { jsonFaults } from './json-faults';
import { invalid } from './validate';

/** Whatever walks a value walks into its depth; no resource of any product has a tenth of this. */
const DEPTH_MAX = 64;

/**
 * Bodies are JSON (RFC 8259) or absent; 415 for any other type, and for a compressed one. What JSON leaves open is closed here: the bytes must be UTF-8 (a
 * decoder would put replacement characters into a name and nobody would know), the nesting is bounded, and no key may reach for
 * a prototype, no member may stand twice, and a number must be one that a double holds. A body of nothing but white space counts as `{}`, and so does
 * one of no bytes, whatever type it is said to have.
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
    return parse(request, text, (error, value) => {
      if (error !== null) return done(error.message.includes('forbidden') ? error : new Problem('malformed_json', placeOf(text)));
      const { duplicate, numbers } = jsonFaults(text);
      if (duplicate !== null)
        return done(new Problem('malformed_json', `The body has the member ${duplicate} twice; which of them counts would be a guess.`));
      return numbers.length > 0 ? done(invalid(numbers)) : done(null, value);
    });
  });
  fastify.addContentTypeParser('*', (_request, body, done) => takeNothing(body, done));
}

/** No bytes have no type: clients name one for the body that they do not send (a form, mostly). The first byte that comes is refused. */
function takeNothing(body: NodeJS.ReadableStream, done: (error: Error | null, value?: object) => void): void {
  const refuse = () => {
    body.off('end', accept).pause();
    done(new Problem('unsupported_media_type', 'Send the body as JSON: `Content-Type: application/json`.'));
  };
  const accept = () => {
    body.off('data', refuse);
    done(null, {});
  };
  body.once('data', refuse).once('end', accept);
}

/** Looking for the place reads the text once more for each halving of its length. */
const LOOKED_THROUGH_MAX = 65_536;

/** Where the text stops being JSON, as an editor counts: behind the longest beginning that could still go on. */
function placeOf(text: string): string {
  if (text.length > LOOKED_THROUGH_MAX) return 'The body is not valid JSON.';
  let [good, bad] = [0, text.length + 1];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (canGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  const lines = text.slice(0, good).split('\n');
  const place = `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
  return good === text.length ? `The body is not valid JSON: it ends too early, at ${place}.` : `The body is not valid JSON at ${place}.`;
}

function canGoOn(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return true;
  } catch (error) {
    const { message } = error as Error;
    return (
      message.includes('end of JSON input') ||
      message.startsWith('Unterminated') ||
      message.includes(`position ${beginning.length} `) ||
      message.endsWith(`position ${beginning.length}`)
    );
  }
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
