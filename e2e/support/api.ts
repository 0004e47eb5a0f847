import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expectContract } from './openapi';
import type { Reply } from './reply';

/** Longer than any restart takes, also beside others that want the processor. */
const PATIENCE_MS = 300_000;

export interface Call {
  key?: string | null;
  headers?: Record<string, string>;
  /** Sent as is, for bodies that are no JSON. */
  raw?: string | Buffer;
}

/** A client of the public API. Every answer is held against the OpenAPI document. */
export class Api {
  constructor(
    private readonly url: string,
    private readonly apiKey: string,
  ) {}

  get(path: string, call: Call = {}): Promise<Reply> {
    return this.send('GET', path, undefined, call);
  }

  post(path: string, body: unknown = {}, call: Call = {}): Promise<Reply> {
    return this.send('POST', path, body, call);
  }

  patch(path: string, body: unknown = {}, call: Call = {}): Promise<Reply> {
    return this.send('PATCH', path, body, call);
  }

  delete(path: string, call: Call = {}): Promise<Reply> {
    return this.send('DELETE', path, undefined, call);
  }

  /**
   * What a careful integrator does: the same key until there is an answer that is not "try again".
   * Gives up when a client would have been let down on the slowest machine.
   */
  async insist(method: 'POST' | 'GET', path: string, body?: unknown): Promise<Reply> {
    const key = randomUUID();
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      const reply = await this.send(method, path, body, { key }).catch((error: unknown) => error as Error);
      const asksForMore = (code: unknown) => code === 'idempotency_key_in_use' || code === 'backlog_too_long';
      if (!(reply instanceof Error) && reply.status < 500 && !asksForMore(reply.body['code'])) return reply;
      if (performance.now() > giveUpAt) {
        throw new Error(`${method} ${path} has no answer after ${PATIENCE_MS} ms: ${reply instanceof Error ? reply.message : reply.text}`);
      }
      await delay(50);
    }
  }

  /** Walks a list to its end. */
  async all(path: string): Promise<Record<string, any>[]> {
    const rows: Record<string, any>[] = [];
    let cursor: string | null = null;
    do {
      const separator = path.includes('?') ? '&' : '?';
      const page = await this.insist(
        'GET',
        `${path}${separator}limit=100${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      if (page.status !== 200) throw new Error(`GET ${path}: ${page.text}`);
      rows.push(...(page.body['data'] as Record<string, any>[]));
      cursor = page.body['next_cursor'] as string | null;
    } while (cursor !== null);
    return rows;
  }

  private async send(method: string, path: string, body: unknown, call: Call): Promise<Reply> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.apiKey}` };
    const key = call.key === undefined && method !== 'GET' ? randomUUID() : call.key;
    if (key !== null && key !== undefined && method !== 'GET') headers['idempotency-key'] = key;
    const payload = call.raw ?? (body === undefined ? undefined : JSON.stringify(body));
    if (payload !== undefined) headers['content-type'] = 'application/json';
    const init: RequestInit = { method, headers: { ...headers, ...call.headers }, redirect: 'manual' };
    if (payload !== undefined) init.body = payload as NonNullable<RequestInit['body']>;
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    const reply = {
      status: response.status,
      text,
      headers: response.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, any>),
    };
    expectContract(method, path, reply);
    return reply;
  }
}
