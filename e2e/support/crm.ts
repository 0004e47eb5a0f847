import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Deal {
  readonly id: string;
  readonly name: string;
  readonly stage: 'open' | 'won';
  readonly version: number;
  readonly project_id?: string;
}

/** Somebody's CRM: deals to read and change, and webhooks that say no more than which deal to look at. */
export class Crm {
  readonly deals = new Map<string, Deal>();
  /** What the next reader of a deal gets instead of the deal as it is. */
  stale: Deal | null = null;
  /** Called when a change is asked for, which then is neither made nor answered. */
  insteadOfChanging: (() => void) | null = null;

  private constructor(private readonly server: Server) {}

  static async open(): Promise<Crm> {
    const server = createServer();
    const crm = new Crm(server);
    server.on('request', (request, response) => {
      void crm.answer(request).then((body) => body !== null && response.end(JSON.stringify(body)));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return crm;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The status that is answered to the webhook, null when nobody answers. */
  async tell(receiver: string, deal: string): Promise<number | null> {
    const response = await fetch(receiver, { method: 'POST', body: JSON.stringify({ deal_id: deal }) }).catch(() => null);
    return response?.status ?? null;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private async answer(request: IncomingMessage): Promise<unknown> {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    if (pathname === '/deals') return [...this.deals.values()].filter(({ stage }) => stage === searchParams.get('stage'));
    const deal = this.deals.get(pathname.split('/').pop()!)!;
    if (request.method === 'GET') return this.read(deal);
    if (this.insteadOfChanging !== null) return (this.insteadOfChanging(), null);
    let change = '';
    for await (const chunk of request) change += String(chunk);
    const changed = { ...deal, ...(JSON.parse(change) as Partial<Deal>) };
    this.deals.set(deal.id, changed);
    return changed;
  }

  private read(deal: Deal): Deal {
    const shown = this.stale ?? deal;
    this.stale = null;
    return shown;
  }
}
