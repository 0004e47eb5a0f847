import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  id: string;
  type: string;
  body: string;
  event: { id: string; type: string; position: number; subject: string; project_id: string | null; data: Record<string, unknown> };
  headers: IncomingMessage['headers'];
  /** performance.now() when the last byte was in. */
  at: number;
}

/** A user's endpoint: verifies every signature with the public library, keeps what it got, answers 200. */
export class Receiver {
  readonly received: Received[] = [];
  readonly forged: string[] = [];
  /** What to answer; tests set another status to be a bad receiver. */
  status = 200;
  /** How long it thinks before it answers. */
  answerAfterMs = 0;
  secret: string | null = null;
  private readonly waiting = new Set<() => void>();

  private constructor(private readonly server: Server) {}

  static async listen(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        receiver.take(request, Buffer.concat(chunks).toString());
        const answer = () => void response.writeHead(receiver.status).end();
        if (receiver.answerAfterMs > 0) setTimeout(answer, receiver.answerAfterMs);
        else answer();
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  types(): string[] {
    return this.received.map(({ type }) => type);
  }

  of(type: string): Received[] {
    return this.received.filter((received) => received.type === type);
  }

  ids(): Set<string> {
    return new Set(this.received.map(({ id }) => id));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private take(request: IncomingMessage, body: string): void {
    const at = performance.now();
    const event = JSON.parse(body) as Received['event'];
    if (this.secret !== null && !this.verifies(request, body)) this.forged.push(event.id);
    this.received.push({ id: event.id, type: event.type, body, event, headers: request.headers, at });
    for (const wake of this.waiting) wake();
  }

  private verifies(request: IncomingMessage, body: string): boolean {
    try {
      new Webhook(this.secret!).verify(body, request.headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  }
}
