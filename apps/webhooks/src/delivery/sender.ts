import type { Dispatcher } from 'undici';
import { unreachable } from '@works/platform/errors';
import { mayDieSoonAt } from '@works/platform/fault-points';
import { refusalOf } from '../domain/endpoint-address';
import { ATTEMPTS_MAX } from '../domain/schedule';
import { mayContact, RefusedAddress, resolveAddresses } from './addresses';
import type { AttemptError, Leased, Outcome, Stage } from './attempt';
import { Connections } from './connections';
import { signaturesOf } from './signing-secrets';

/** From the first look-up to the last byte of the answer. */
export const DEADLINE_MS = 15_000;
/** What is kept of an answer; receivers explain themselves in the first lines. */
const KEPT_BYTES = 4_096;
/** An answer that goes on longer than this is cut off, and the attempt has failed. Bytes as they come: nothing is ever decompressed. */
const READ_BYTES_MAX = 65_536;
const DETAIL_LENGTH_MAX = 500;

export interface SenderOptions {
  readonly allowPrivateAddresses: boolean;
  readonly deadlineMs?: number;
}

/** Makes one attempt: signs, connects to an address that was checked, sends, and says what came of it. It never throws. */
export class Sender {
  private readonly connections: Connections;

  constructor(private readonly options: SenderOptions) {
    this.connections = new Connections(options.allowPrivateAddresses);
  }

  async attempt(leased: Leased): Promise<Outcome> {
    const { allowPrivateAddresses: allowPrivate, deadlineMs = DEADLINE_MS } = this.options;
    const attempt = new Attempt(leased, deadlineMs);
    try {
      const refusal = refusalOf(leased.url, { allowPrivate, mayContact });
      if (refusal !== null) throw new RefusedAddress(`the address ${refusal}`);
      const url = new URL(leased.url);
      const addresses = await attempt.resolve(() => resolveAddresses(url.hostname, allowPrivate));
      this.connections.pin(url.hostname, addresses);
      await attempt.exchange(this.connections, url);
      return attempt.outcome(null);
    } catch (error) {
      return attempt.outcome(attempt.explain(error as Error & { code?: string }));
    }
  }

  close(): Promise<void> {
    return this.connections.close();
  }
}

class Attempt {
  private address: string | null = null;
  private readonly startedAt = new Date();
  private readonly started = performance.now();
  private readonly deadline: AbortSignal;
  private readonly timings: { dns: number | null; connect: number | null; first_byte: number | null } = {
    dns: null,
    connect: null,
    first_byte: null,
  };
  /** Where it is now, and so what has failed if it fails. */
  private stage: 'dns' | 'connect' | 'tls' | 'headers' | 'body' = 'dns';
  private statusCode: number | null = null;
  private responseHeaders: Record<string, string> | null = null;
  private readonly kept: Buffer[] = [];

  constructor(
    private readonly leased: Leased,
    deadlineMs: number,
  ) {
    this.deadline = AbortSignal.timeout(deadlineMs);
  }

  async resolve<Addresses extends readonly [{ address: string }, ...unknown[]]>(look: () => Promise<Addresses>): Promise<Addresses> {
    const addresses = await this.withinDeadline(look());
    this.timings.dns = performance.now() - this.started;
    this.address = addresses[0].address;
    this.stage = 'connect';
    return addresses;
  }

  async exchange(connections: Connections, url: URL): Promise<void> {
    try {
      const response = await this.withinDeadline(this.send(connections, url));
      this.timings.first_byte = performance.now() - this.started;
      this.stage = 'body';
      this.statusCode = response.statusCode;
      this.responseHeaders = flat(response.headers);
      await this.read(response.body);
    } catch (error) {
      if (this.stage === 'connect' && connections.isShakingHands(url.origin)) this.stage = 'tls';
      throw error;
    }
    if (this.statusCode < 200 || this.statusCode > 299) throw new NotSuccess(this.statusCode);
  }

  private send(connections: Connections, url: URL): Promise<Dispatcher.ResponseData> {
    const since = performance.now();
    const request = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'POST',
      headers: this.headers(),
      body: this.leased.body,
      signal: this.deadline,
    } as const;
    return connections.request(request, () => {
      const newest = connections.newestOf(url.origin);
      this.address = newest?.address ?? this.address;
      // On a connection that was kept alive there was nothing to wait for.
      this.timings.connect = newest !== undefined && newest.at >= since ? performance.now() - since : null;
      this.stage = 'headers';
      mayDieSoonAt('webhook-sent');
    });
  }

  explain(error: Error & { code?: string }): AttemptError {
    return {
      stage: this.stageOf(error),
      code: codeOf(error),
      detail: textOf(Buffer.from(error.message || codeOf(error))).slice(0, DETAIL_LENGTH_MAX),
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
    const { eventId, secret, body, sequence, attemptsMade, passed, headers } = this.leased;
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
      ...(passed !== null && { 'webhook-passed': passed }),
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
    switch (this.stage) {
      case 'dns':
      case 'tls':
        return this.stage;
      case 'connect':
        return isAboutTls(error) ? 'tls' : 'connect';
      case 'headers':
        return this.deadline.aborted ? 'timeout_headers' : 'response';
      case 'body':
        return this.deadline.aborted ? 'timeout_body' : 'response';
      default:
        return unreachable(this.stage);
    }
  }

  /** Not left to the signal: undici looks at it only once a request has a connection. */
  private withinDeadline<T>(work: Promise<T>): Promise<T> {
    const late = new Promise<never>((_, reject) => {
      this.deadline.addEventListener('abort', () => reject(this.deadline.reason as Error), { once: true });
    });
    return Promise.race([work, late]);
  }
}

/** The deadline's error has a number for a code, of the days when DOM exceptions had numbers. */
const codeOf = (error: Error & { code?: unknown }): string =>
  error instanceof NotSuccess ? String(error.statusCode) : typeof error.code === 'string' ? error.code : error.name;

const isAboutTls = ({ code }: { code?: string }): boolean =>
  /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH)|^EPROTO$/.test(code ?? '');

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
