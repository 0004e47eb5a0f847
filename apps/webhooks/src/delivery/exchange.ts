import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { unreachable } from '@works/platform/errors';
import { mayDieSoonAt } from '@works/platform/fault-points';
import { RefusedAddress } from './addresses';
import type { AttemptError, Outcome, Stage } from './attempt';
import type { Connections } from './connections';

/** What is kept of an answer; receivers explain themselves in the first lines. */
const KEPT_BYTES = 4_096;
/** An answer that goes on longer than this is cut off, and the attempt has failed. Bytes as they come: nothing is ever decompressed. */
const READ_BYTES_MAX = 65_536;
const DETAIL_LENGTH_MAX = 500;

/**
 * One request and its answer, from the look-up to the last byte or the deadline, whichever is first. Told by undici what happens, without the streams
 * and signals that stand between otherwise: they cost more than all the rest of an attempt. Ends once; what is heard after that is of no interest.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly startedAt = new Date();
  private readonly started = performance.now();
  private askedAt = this.started;
  /** Where it is now, and so what has failed if it fails. */
  private stage: 'dns' | 'connect' | 'headers' | 'body' = 'dns';
  private readonly timings: { dns: number | null; connect: number | null; first_byte: number | null } = {
    dns: null,
    connect: null,
    first_byte: null,
  };
  private address: string | null = null;
  private statusCode: number | null = null;
  private responseHeaders: Record<string, string> | null = null;
  private readonly kept: Buffer[] = [];
  private bytes = 0;
  private controller: Dispatcher.DispatchController | null = null;
  private readonly deadline: NodeJS.Timeout;
  private over = false;

  constructor(
    private readonly connections: Connections,
    private readonly origin: string,
    deadlineMs: number,
    private readonly done: (outcome: Outcome) => void,
  ) {
    this.deadline = setTimeout(() => this.end(new TooLate(deadlineMs)), deadlineMs).unref();
  }

  /** It is known where to connect to: the request waits for a connection now. False when the deadline has come meanwhile. */
  resolved(address: string): boolean {
    if (this.over) return false;
    this.askedAt = performance.now();
    this.timings.dns = this.askedAt - this.started;
    this.address = address;
    this.stage = 'connect';
    return true;
  }

  /** The request starts when it is written to a connection that stands, not when it is asked for. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.over) return controller.abort(new Error('the deadline has passed'));
    this.controller = controller;
    const newest = this.connections.newestOf(this.origin);
    this.address = newest?.address ?? this.address;
    // On a connection that was kept alive there was nothing to wait for.
    this.timings.connect = newest !== undefined && newest.at >= this.askedAt ? performance.now() - this.askedAt : null;
    this.stage = 'headers';
    mayDieSoonAt('webhook-sent');
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: IncomingHttpHeaders): void {
    // Early hints are no answer.
    if (this.over || statusCode < 200) return;
    this.timings.first_byte = performance.now() - this.started;
    this.stage = 'body';
    this.statusCode = statusCode;
    this.responseHeaders = flat(headers);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.bytes < KEPT_BYTES) this.kept.push(chunk);
    this.bytes += chunk.length;
    // The connection goes with it: the rest is not worth reading.
    if (this.bytes > READ_BYTES_MAX) this.end(new TooLarge());
  }

  onResponseEnd(): void {
    // Whatever the answer was, its connection is good for the next.
    this.controller = null;
    const ok = this.statusCode !== null && this.statusCode >= 200 && this.statusCode <= 299;
    this.end(ok ? null : new NotSuccess(this.statusCode!));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.end(error);
  }

  end(error: (Error & { code?: string }) | null): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.deadline);
    const outcome = this.outcome(error === null ? null : this.explain(error));
    if (error !== null) this.controller?.abort(error);
    this.done(outcome);
  }

  private outcome(error: AttemptError | null): Outcome {
    return {
      startedAt: this.startedAt,
      endedAt: new Date(),
      durationMs: performance.now() - this.started,
      timings: this.timings,
      address: this.address,
      statusCode: this.statusCode,
      responseBody: this.statusCode === null ? null : textOf(Buffer.concat(this.kept).subarray(0, KEPT_BYTES).toString('utf8')),
      responseHeaders: this.responseHeaders,
      error,
    };
  }

  private explain(error: Error & { code?: string }): AttemptError {
    return {
      stage: this.stageOf(error),
      code: codeOf(error),
      detail: textOf(error.message || codeOf(error)).slice(0, DETAIL_LENGTH_MAX),
    };
  }

  private stageOf(error: Error & { code?: string }): Stage {
    if (error instanceof NotSuccess) return 'status';
    if (error instanceof TooLarge || error.code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large';
    if (error instanceof RefusedAddress) return 'refused_address';
    const late = error instanceof TooLate;
    switch (this.stage) {
      case 'dns':
        return 'dns';
      case 'connect':
        return isAboutTls(error) || this.connections.isShakingHands(this.origin) ? 'tls' : 'connect';
      case 'headers':
        return late ? 'timeout_headers' : 'response';
      case 'body':
        return late ? 'timeout_body' : 'response';
      default:
        return unreachable(this.stage);
    }
  }
}

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

class TooLate extends Error {
  override readonly name = 'TimeoutError';
  constructor(deadlineMs: number) {
    super(`no whole answer within ${deadlineMs / 1_000} s`);
  }
}

/** For the database, which can hold no NUL. */
const textOf = (text: string): string => text.replaceAll('\0', '\ufffd');

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    texts[name] = textOf(Array.isArray(value) ? value.join(', ') : value!);
  }
  return texts;
}
