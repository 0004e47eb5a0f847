import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** An address that stays where it is while the server behind it changes, as a virtual IP does. While nobody is behind it, it ends connections. */
export class StableAddress {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private target: number | 'nobody' | 'quiet' = 'nobody';

  private constructor() {
    this.server = createServer((near) => {
      if (this.target === 'nobody') return void near.destroy();
      if (this.target === 'quiet') return this.hold(near);
      const far = connect(this.target, '127.0.0.1');
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.hold(one);
        one.setNoDelay(true);
        one.on('close', () => other.destroy());
        one.pipe(other);
      }
    });
  }

  private hold(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }

  static async open(): Promise<StableAddress> {
    const address = new StableAddress();
    address.server.listen(0, '127.0.0.1');
    await once(address.server, 'listening');
    return address;
  }

  leadTo(url: string | null): void {
    this.target = url === null ? 'nobody' : Number(new URL(url).port);
  }

  /** Takes new connections and says nothing on them, then or later. */
  keepQuiet(): void {
    this.target = 'quiet';
  }

  /** Connections that stand. */
  get connections(): number {
    return this.sockets.size;
  }

  /** Connections that stand get no further word, in neither direction, as when a machine loses its power; new ones are as ever. */
  fallSilent(): void {
    for (const socket of this.sockets) socket.unpipe().pause();
  }

  /** The connection string with this address in the place of the server's own. */
  of(url: string): string {
    const stable = new URL(url);
    stable.port = String((this.server.address() as AddressInfo).port);
    return stable.href;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }
}
