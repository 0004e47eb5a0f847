import { Agent, type Dispatcher } from 'undici';
import { retryAfterMs } from '@works/platform/http';
import { isId, type Id } from '@works/platform/ids';
import type { Billing as Billed } from '../domain/template';

/** From the connection to the last byte of the answer. */
export const DEADLINE_MS = 10_000;
/** A draft is a small document. What is longer is cut off. */
const READ_BYTES_MAX = 65_536;
const HEADER_BYTES_MAX = 16_384;
const DETAIL_LENGTH_MAX = 500;

export interface DraftRequest {
  readonly idempotencyKey: string;
  readonly organizationId: string;
  readonly livemode: boolean;
  readonly contactId: string;
  readonly bills: Billed;
}

/**
 * `later`: it may have been drafted or not, or can be; the same request may be sent again, under the same key. `refused`: SK Billing has read it, and
 * will not. Errors are written for the users of SK Works.
 */
export type DraftAnswer =
  | { readonly outcome: 'drafted'; readonly invoiceId: Id<'inv'> }
  | { readonly outcome: 'later'; readonly error: string; readonly retryAfterMs: number }
  | { readonly outcome: 'refused'; readonly error: string };

export interface BillingOptions {
  readonly url: string;
  /** Test mode has a key of its own or none: it can never draft a real invoice. */
  readonly keys: { readonly live: string; readonly test: string | null };
  readonly deadlineMs?: number;
}

/** SK Billing, as far as Works asks anything of it. */
export class Billing {
  private readonly agent = new Agent({
    pipelining: 1,
    keepAliveTimeout: 10_000,
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  constructor(private readonly options: BillingOptions) {}

  /** The modes that it can be asked in. */
  get modes(): readonly boolean[] {
    return this.options.keys.test === null ? [true] : [true, false];
  }

  /** Never throws. */
  async draft(request: DraftRequest): Promise<DraftAnswer> {
    const deadlineMs = this.options.deadlineMs ?? DEADLINE_MS;
    const signal = AbortSignal.timeout(deadlineMs);
    try {
      return await within(signal, this.exchange(request, signal));
    } catch (error) {
      return later(
        signal.aborted ? `SK Billing did not answer within ${deadlineMs / 1_000} s.` : 'SK Billing could not be reached.',
        error,
      );
    }
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  private async exchange(request: DraftRequest, signal: AbortSignal): Promise<DraftAnswer> {
    const { origin, pathname } = new URL(`${this.options.url}/billing/v1/invoices`);
    const { statusCode, headers, body } = await this.agent.request({
      origin,
      path: pathname,
      method: 'POST',
      headers: this.headersOf(request),
      body: bodyOf(request),
      signal,
    });
    const read = await readAtMost(READ_BYTES_MAX, body).catch((error: unknown) => {
      throw signal.aborted ? error : new BrokenAnswer(statusCode, error);
    });
    return answerOf(statusCode, headers, read);
  }

  private headersOf({ idempotencyKey, organizationId, livemode }: DraftRequest): Record<string, string> {
    const { live, test } = this.options.keys;
    const key = livemode ? live : test;
    if (key === null) throw new Error('Test mode has no key for SK Billing; nothing may be asked of it');
    return {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': idempotencyKey,
      'user-agent': 'SK-Works/1',
      'works-organization': organizationId,
    };
  }
}

/** The same bytes at every attempt: a key that comes with another body is refused. */
const bodyOf = ({ contactId, bills }: DraftRequest): string =>
  JSON.stringify({
    contact_id: contactId,
    items: bills.items.map(({ catalog_item_id, qty }) => ({ catalog_item_id, qty })),
    due_in_days: bills.due_in_days,
  });

/** Refusals that say nothing of this request: too slow, still at work under the same key, too many at once. */
const PASSING = new Set([408, 409, 429]);

function answerOf(statusCode: number, headers: Dispatcher.ResponseData['headers'], text: string | null): DraftAnswer {
  const body = parsed(text);
  const said = `SK Billing answered ${statusCode}${detailOf(body)}`;
  if (statusCode >= 200 && statusCode <= 299) {
    const id = body?.['id'];
    if (isId('inv', id)) return { outcome: 'drafted', invoiceId: id };
    return later(text === null ? `${said} with more than ${READ_BYTES_MAX} bytes.` : `${said} without the id of an invoice (inv_…).`);
  }
  if (statusCode >= 400 && statusCode <= 499 && !PASSING.has(statusCode)) return { outcome: 'refused', error: said };
  const wait = [headers['retry-after']].flat()[0];
  return { outcome: 'later', error: said, retryAfterMs: retryAfterMs(wait, new Date()) };
}

function later(error: string, cause?: unknown): DraftAnswer {
  return { outcome: 'later', error: cause instanceof BrokenAnswer ? cause.message : error, retryAfterMs: 0 };
}

class BrokenAnswer extends Error {
  constructor(statusCode: number, cause: unknown) {
    super(`SK Billing answered ${statusCode}, and the answer broke off.`, { cause });
  }
}

function parsed(text: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

/** A problem document says in a sentence what is wrong (RFC 9457). On one line, and no longer than a sentence is. */
function detailOf(body: Record<string, unknown> | null): string {
  const detail = body?.['detail'];
  if (typeof detail !== 'string' || detail.trim() === '') return '.';
  return `: ${detail
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, DETAIL_LENGTH_MAX)}`;
}

/** Null when there is more. Leaving the loop destroys the connection: the rest is not worth reading. */
async function readAtMost(bytesMax: number, body: AsyncIterable<Buffer>): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Not left to the signal alone: undici looks at it only once a request has a connection. */
function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
  return Promise.race([work, late]);
}
