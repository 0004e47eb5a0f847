import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PublicEvent } from '@works/contracts/events';

/** The projects service as tasks sees it from outside: the facts that it has, which the event log does not bring in this spec. */
export class ProjectsService {
  readonly asked: string[] = [];
  /** Told to the next who asks: news that is on its way while a request already depends on it. */
  onItsWay: PublicEvent<unknown>[] = [];
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, 'http://projects');
      const progress = { epoch: 'e0000001', settled: '0', published: '0' };
      if (pathname !== '/internal/facts') return void response.end(JSON.stringify(progress));
      this.asked.push(request.url!);
      const messages = this.onItsWay
        .splice(0)
        .map((event) => ({ topic: event.type, key: event.subject, value: JSON.stringify(event), headers: { ce_id: event.id } }));
      const standing = searchParams
        .get('through')!
        .split(',')
        .map(() => '0');
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ ...progress, messages, standing, next: null }));
    });
  }
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
