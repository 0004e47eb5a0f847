import type { LookupFunction } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { signaturesOf } from './signing-secrets';
import { ATTEMPTS_MAX } from '../domain/schedule';
import { RefusedAddress, resolveAddress, type Address } from './addresses';
import type { AttemptError, Leased, Outcome, Stage } from './attempt';

/** From the first look-up to the last byte of the answer. */
export const DEADLINE_MS = 15_000;
/** What is kept of an answer; receivers explain themselves in the first lines. */
const KEPT_BYTES = 4_096;
/** An answer that goes on longer than this is cut off, and the attempt has failed. */
const READ_BYTES_MAX = 65_536;
const HEADER_BYTES_MAX = 16_384;
/** Connections to one origin; what may be in flight to an endpoint is decided elsewhere. */
const CONNECTIONS_PER_ORIGIN = 64;

export interface SenderOptions {
  readonly allowPrivateAddresses: boolean;
  readonly deadlineMs?: number;
}

/** Makes one attempt: signs, connects to the address that was checked, sends, and says what came of it. It never throws. */
export class Sender {
  /** The addresses that were checked, for the connections about to be made. */
  private readonly checked = new Map<string, Address>();
  private readonly agent: Agent;

  constructor(private readonly options: SenderOptions) {
    const pinned: LookupFunction = (host, { all }, done) => {
      const address = this.checked.get(host);
      if (address === undefined) return done(Object.assign(new Error(`${host} was not checked`), { code: 'ENOTFOUND' }), '', 4);
      if (all) done(null, [address]);
      else done(null, address.address, address.family);
    };
    this.agent = new Agent({
      connect: { lookup: pinned, timeout: 10_000 },
      connections: CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      keepAliveTimeout: 10_000,
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async attempt(leased: Leased): Promise<Outcome> {
    const attempt = new Attempt(leased, this.options.deadlineMs ?? DEADLINE_MS);
    try {
      const url = new URL(leased.url);
      const address = await attempt.timed('dns', () => resolveAddress(url.hostname, this.options.allowPrivateAddresses));
      attempt.address = address.address;
      this.remember(url.hostname, address);
      await attempt.exchange(this.agent, url);
      return attempt.outcome(null);
    } catch (error) {
      return attempt.outcome(attempt.explain(error as Error & { code?: string }));
    }
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  private remember(host: string, address: Address): void {
    if (this.checked.size > 10_000) this.checked.clear();
    this.checked.set(host, address);
  }
}

class Attempt {
  address: string | null = null;
  private readonly startedAt = new Date();
  private readonly started = performance.now();
  private readonly deadline: AbortSignal;
  private readonly timings: { dns: number | null; connect: number | null; first_byte: number | null } = {
    dns: null,
    connect: null,
    first_byte: null,
  };
  private statusCode: number | null = null;
  private responseHeaders: Record<string, string> | null = null;
  private readonly kept: Buffer[] = [];

  constructor(
    private readonly leased: Leased,
    deadlineMs: number,
  ) {
    this.deadline = AbortSignal.timeout(deadlineMs);
  }

  async timed<T>(stage: 'dns', work: () => Promise<T>): Promise<T> {
    const at = performance.now();
    const result = await Promise.race([work(), this.untilDeadline()]);
    this.timings[stage] = performance.now() - at;
    return result;
  }

  async exchange(agent: Agent, url: URL): Promise<void> {
    const response = await agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'POST',
      headers: this.headers(),
      body: this.leased.body,
      signal: this.deadline,
    });
    this.timings.first_byte = performance.now() - this.started;
    this.statusCode = response.statusCode;
    this.responseHeaders = flat(response.headers);
    await this.read(response.body);
    if (response.statusCode < 200 || response.statusCode > 299) throw new NotSuccess(response.statusCode);
  }

  explain(error: Error & { code?: string }): AttemptError {
    return {
      stage: this.stageOf(error),
      code: error instanceof NotSuccess ? String(error.statusCode) : (error.code ?? error.name),
      detail: error.message,
    };
  }

  outcome(error: AttemptError | null): Outcome {
    return {
      startedAt: this.startedAt,
      endedAt: new Date(),
      durationMs: performance.now() - this.started,
      timings: this.timings,
      address: this.address,
      statusCode: this.statusCode,
      responseBody: this.statusCode === null ? null : textOf(Buffer.concat(this.kept).subarray(0, KEPT_BYTES)),
      responseHeaders: this.responseHeaders,
      error,
    };
  }

  /** Fresh for each attempt: receivers refuse timestamps that are old. */
  private headers(): Record<string, string> {
    const { eventId, secret, body, sequence, attemptsMade, headers } = this.leased;
    const timestamp = Math.floor(this.startedAt.getTime() / 1_000);
    return {
      ...headers,
      'content-type': 'application/json',
      'user-agent': 'SK-Works-Webhooks/1',
      'webhook-id': eventId,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signaturesOf(secret, eventId, this.startedAt, body),
      'webhook-sequence': sequence,
      'webhook-attempt': `${attemptsMade + 1}/${ATTEMPTS_MAX}`,
    };
  }

  private async read(body: Dispatcher.ResponseData['body']): Promise<void> {
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (bytes < KEPT_BYTES) this.kept.push(chunk);
      bytes += chunk.length;
      // Leaving the loop destroys the connection: the rest is not worth reading.
      if (bytes > READ_BYTES_MAX) throw new TooLarge();
    }
  }

  private stageOf(error: Error & { code?: string }): Stage {
    if (error instanceof NotSuccess) return 'status';
    if (error instanceof TooLarge || error.code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large';
    if (error instanceof RefusedAddress) return 'refused_address';
    if (this.deadline.aborted) return this.statusCode !== null ? 'timeout_body' : this.address === null ? 'dns' : 'timeout_headers';
    if (this.address === null) return 'dns';
    if (/^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH)|^EPROTO$/.test(error.code ?? '')) return 'tls';
    return 'connect';
  }

  private untilDeadline(): Promise<never> {
    return new Promise((_, reject) => {
      this.deadline.addEventListener('abort', () => reject(this.deadline.reason as Error), { once: true });
    });
  }
}

class NotSuccess extends Error {
  constructor(readonly statusCode: number) {
    super(statusCode >= 300 && statusCode < 400 ? `answered ${statusCode}; redirects are not followed` : `answered ${statusCode}`);
  }
}

class TooLarge extends Error {
  override readonly name = 'TooLarge';
  constructor() {
    super(`the answer is longer than ${READ_BYTES_MAX} bytes`);
  }
}

/** As text for the database, which can hold no NUL. */
const textOf = (bytes: Buffer): string => bytes.toString('utf8').replaceAll('\0', '\ufffd');

const flat = (headers: Record<string, string | string[] | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, textOf(Buffer.from([value].flat().join(', ')))]));
