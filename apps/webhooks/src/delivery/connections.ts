import type { LookupFunction, Socket } from 'node:net';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { mayContact, notPublic, type Address } from './addresses';

/** A connection that takes longer, TLS included, is given up. */
const CONNECT_MS_MAX = 10_000;
/** Connections to one origin; what may be in flight to an endpoint is decided elsewhere. */
const CONNECTIONS_PER_ORIGIN = 64;
const HEADER_BYTES_MAX = 16_384;
/** Origins that are remembered; whoever comes back later is looked up anew. */
const REMEMBERED_MAX = 10_000;

interface Connected {
  readonly at: number;
  readonly address: string;
}

/** Connections to receivers, kept alive between attempts. They lead to addresses that were checked and to no others; proxy variables mean nothing to them. */
export class Connections {
  private readonly checked = new Map<string, readonly [Address, ...Address[]]>();
  private readonly newest = new Map<string, Connected>();
  private readonly shakingHands = new Map<string, number>();
  private readonly agent: Agent;

  constructor(private readonly allowPrivate: boolean) {
    const lookup: LookupFunction = (host, { all }, done) => {
      const addresses = this.checked.get(host);
      if (addresses === undefined) return done(Object.assign(new Error(`${host} was not checked`), { code: 'ENOTFOUND' }), '', 4);
      if (all) done(null, [...addresses]);
      else done(null, addresses[0].address, addresses[0].family);
    };
    this.agent = new Agent({
      connect: this.connector(buildConnector({ lookup, timeout: CONNECT_MS_MAX })),
      connections: CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      keepAliveTimeout: 10_000,
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Where connections to this host may lead from now on. */
  pin(host: string, addresses: readonly [Address, ...Address[]]): void {
    if (this.checked.size > REMEMBERED_MAX) this.checked.clear();
    this.checked.set(host, addresses);
  }

  /** `handler` is told what happens, first when there is a connection and the request goes out on it. */
  request(options: Omit<Dispatcher.DispatchOptions, 'origin'> & { origin: string }, handler: Dispatcher.DispatchHandler): void {
    this.agent.dispatch(options, handler);
  }

  /** When the newest connection to an origin stood, and to which address. */
  newestOf(origin: string): Connected | undefined {
    return this.newest.get(origin);
  }

  /** A connection to the origin stands, and TLS is being agreed on. */
  isShakingHands(origin: string): boolean {
    return this.shakingHands.has(origin);
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  /** Also holds for literals, which no lookup sees, and whatever Node may do with an address between the check and the socket. */
  private connector(connect: buildConnector.connector): buildConnector.connector {
    return (options, done) => {
      const origin = `${options.protocol}//${options.host ?? options.hostname}`;
      const socket = connect(options, (...[error, connected]: [Error, null] | [null, Socket]) => {
        this.shakingHands.delete(origin);
        if (error !== null) return done(error, null);
        if (this.newest.size > REMEMBERED_MAX) this.newest.clear();
        this.newest.set(origin, { at: performance.now(), address: connected.remoteAddress! });
        done(null, connected);
      }) as unknown as Socket;
      socket.prependOnceListener('connect', () => {
        const address = socket.remoteAddress ?? 'an unknown address';
        if (!mayContact(address, this.allowPrivate)) socket.destroy(notPublic(address));
        else if (options.protocol === 'https:') this.shakingHands.set(origin, performance.now());
      });
    };
  }
}
