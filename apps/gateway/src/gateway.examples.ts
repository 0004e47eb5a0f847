import { createServer, request as send, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { hashOfApiKey, newApiKey } from '@works/platform/api-keys';
import { CALLER_HEADER, verifyCaller, type Caller } from '@works/platform/caller';
import { deriveKey } from '@works/platform/config';
import { Metrics } from '@works/platform/http';
import { createLogger } from '@works/platform/logging';
import { openHttp } from '@works/platform/service';
import { aCaller } from '@works/platform/testing';
import type { Claim } from '@works/platform/idempotency';
import { AdmissionControl, type AskBacklogs } from './admission-control';
import { Callers, type FindCaller } from './callers';
import { buildGateway } from './gateway';
import type { KeyClaims } from './key-claims';
import { SeenPositions } from './seen-positions';

export const SIGNING_KEY = deriveKey('a secret for specs that is long enough', 'caller');

/** Two services and their routes, as the OpenAPI document names them. */
const DOCUMENT = JSON.stringify({
  paths: {
    '/things': { get: { 'x-service': 'things' }, post: { 'x-service': 'things' } },
    '/things/{id}': { get: { 'x-service': 'things' }, delete: { 'x-service': 'things' } },
    '/things/{id}/news': { get: { 'x-service': 'things', 'x-waits': true } },
    '/parts': { get: { 'x-service': 'parts' }, post: { 'x-service': 'parts' } },
  },
});

/** Keys and their callers, kept in memory. */
export class KeyRing {
  private readonly callers = new Map<string, Caller>();
  lookUps = 0;

  add(overrides: Partial<Caller> = {}): { key: string; caller: Caller } {
    const caller = aCaller(overrides);
    const key = newApiKey(caller.livemode ? 'live' : 'test');
    this.callers.set(hashOfApiKey(key), caller);
    return { key, caller };
  }

  readonly find: FindCaller = (hash) => {
    this.lookUps += 1;
    return Promise.resolve(this.callers.get(hash) ?? null);
  };
}

/** Claims kept in memory: the first service to ask owns a key. */
export class ClaimsInMemory implements KeyClaims {
  private readonly owners = new Map<string, Claim>();

  claim({ organizationId, livemode }: Caller, key: string, service: string): Promise<Claim> {
    const name = `${organizationId} ${livemode} ${key}`;
    const claim = this.owners.get(name) ?? { service, generation: 1 };
    this.owners.set(name, claim);
    return Promise.resolve(claim);
  }

  move({ organizationId, livemode }: Caller, key: string, from: Claim, service: string): Promise<Claim | null> {
    const claim = { service, generation: from.generation + 1 };
    this.owners.set(`${organizationId} ${livemode} ${key}`, claim);
    return Promise.resolve(claim);
  }
}

export interface Arrival {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Answer<Request = IncomingMessage> = (request: Request, response: ServerResponse) => void;

/** A plain HTTP server in the place of a service; keeps what reached it, and answers as the test says. */
export class Neighbour {
  readonly arrivals: Arrival[] = [];
  readonly sockets = new Set<Socket>();
  /** Answers without waiting for the body. */
  early: Answer | null = null;
  answer: Answer<Arrival> = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  private reading: (bytes: number) => void = () => undefined;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      if (this.early !== null) return this.early(request, response);
      const chunks: Buffer[] = [];
      request.on('error', () => undefined); // whoever sends may give up
      request.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        this.reading(chunk.length);
      });
      request.on('end', () => {
        const arrival = { method: request.method!, url: request.url!, headers: request.headers, body: Buffer.concat(chunks) };
        this.arrivals.push(arrival);
        this.answer(arrival, response);
      });
    });
  }

  static async open(): Promise<Neighbour> {
    const server = createServer();
    const neighbour = new Neighbour(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return neighbour;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get last(): Arrival {
    return this.arrivals.at(-1)!;
  }

  /** Told of each part of a body as it comes. */
  whileReading(reading: (bytes: number) => void): void {
    this.reading = reading;
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

export type OpenGateway = Awaited<ReturnType<typeof openGateway>>;

/** The gateway on a port of its own, before two neighbours: `things` and `parts`. */
export async function openGateway(
  find?: FindCaller,
  claims: KeyClaims = new ClaimsInMemory(),
  backlogs: (neighbours: { things: Neighbour; parts: Neighbour }) => ReadonlyMap<string, AskBacklogs> = () => new Map(),
) {
  const [things, parts] = await Promise.all([Neighbour.open(), Neighbour.open()]);
  const keys = new KeyRing();
  const { key, caller } = keys.add();
  const services = new Map([
    ['things', openHttp(things.url, 4)],
    ['parts', openHttp(parts.url, 4)],
  ]);
  const waiting = new Map([['things', openHttp(things.url, 8)]]);
  const logger = createLogger({ name: 'spec', level: 'silent' });
  const metrics = new Metrics('spec');
  const admission = new AdmissionControl({
    services: backlogs({ things, parts }),
    factsMax: 1_000,
    waitMs: 10_000,
    logger,
    registry: metrics.registry,
  });
  const app = await buildGateway({
    openApi: DOCUMENT,
    callers: new Callers(find ?? keys.find, SIGNING_KEY),
    claims,
    admission,
    positions: new SeenPositions(),
    services,
    waiting,
    logger,
    metrics,
    ready: {},
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    origin,
    port: Number(new URL(origin).port),
    things,
    parts,
    keys,
    key,
    caller,
    callerOf: ({ headers }: Arrival) => verifyCaller(headers[CALLER_HEADER] as string, SIGNING_KEY, Date.now())?.caller,
    /** `path` is what follows `/works/v1`. */
    send: (method: string, path: string, headers: Record<string, string> = {}, body?: Buffer | string) =>
      exchange(method, `${origin}/works/v1${path}`, { authorization: `Bearer ${key}`, ...headers }, body),
    /** As a stop begins. */
    tellThoseWhoWait: () => waiting.get('things')!.destroy(),
    close: async () => {
      admission.stop();
      await app.close();
      await Promise.all([...services.values(), ...waiting.values()].map((service) => service.destroy()));
      await Promise.all([things.close(), parts.close()]);
    },
  };
}

/** Sends exactly these headers, which fetch would not. Rejects when the answer does not come to its end. */
export function exchange(method: string, url: string, headers: Record<string, string> = {}, body?: Buffer | string): Promise<Reply> {
  return new Promise((done, failed) => {
    const request = send(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        done({ status: response.statusCode!, headers: response.headers, bytes, text: bytes.toString() });
      });
    });
    request.on('error', failed);
    request.end(body);
  });
}
