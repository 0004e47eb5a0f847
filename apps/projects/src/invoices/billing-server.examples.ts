import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { isId, newId, type Id } from '@works/platform/ids';

export const BILLING_KEYS = { live: 'bk_live_of_the_specs', test: 'bk_test_of_the_specs' } as const;

export interface Drafted {
  readonly id: Id<'inv'>;
  readonly key: string;
  readonly organizationId: string;
  readonly livemode: boolean;
  readonly contact_id: string;
  readonly items: readonly { readonly catalog_item_id: string; readonly qty: number }[];
  readonly due_in_days: number;
}

/** What it does with one request; `draft` does what SK Billing would, and answers what it would. */
export type Behaviour = (response: ServerResponse, draft: () => Reply, socket: Socket) => void;

interface Reply {
  readonly status: number;
  readonly body: object;
}

export const answer = (response: ServerResponse, { status, body }: Reply): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

export const answering =
  (status: number, headers: Record<string, string> = {}, body = '{}'): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(body);

/** Takes the request, and never says a word. */
export const hanging: Behaviour = () => undefined;

/** The worst it can do: the draft is made, and nobody hears of it. */
export const draftingInSilence: Behaviour = (_response, draft, socket) => {
  draft();
  socket.resetAndDestroy();
};

/** SK Billing as far as Works knows it, to the letter: what a request has too much or too little of is refused, and kept as a complaint. */
export class BillingServer {
  readonly drafts: Drafted[] = [];
  readonly complaints: string[] = [];
  /** The keys of the requests in the order in which they came. */
  readonly calls: string[] = [];
  private usual: Behaviour | null = null;
  private readonly next: Behaviour[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async listen(): Promise<BillingServer> {
    const server = createServer();
    const billing = new BillingServer(server);
    server.on('connection', (socket) => {
      billing.sockets.add(socket.on('error', () => undefined));
      socket.on('close', () => billing.sockets.delete(socket));
    });
    server.on('request', (request, response) => void billing.take(request, response));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return billing;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get environment() {
    return { BILLING_URL: this.url, BILLING_KEY: BILLING_KEYS.live, BILLING_TEST_KEY: BILLING_KEYS.test };
  }

  /** For the next requests, one each. */
  once(...behaviours: Behaviour[]): void {
    this.next.push(...behaviours);
  }

  /** From now on, until `recover`. */
  fail(behaviour: Behaviour): void {
    this.usual = behaviour;
  }

  recover(): void {
    this.usual = null;
  }

  draftsFor(milestoneEventId: string): Drafted[] {
    return this.drafts.filter(({ key }) => key === milestoneEventId);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((closed) => this.server.close(closed));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.calls.push(String(request.headers['idempotency-key']));
    const behave = this.next.shift() ?? this.usual ?? ((_, draft) => answer(response, draft()));
    behave(response, () => this.draft(request, Buffer.concat(chunks).toString('utf8')), request.socket);
  }

  private draft(request: IncomingMessage, text: string): Reply {
    const key = String(request.headers['idempotency-key']);
    const livemode = request.headers.authorization === `Bearer ${BILLING_KEYS.live}`;
    if (!livemode && request.headers.authorization !== `Bearer ${BILLING_KEYS.test}`) return this.refuse(401, 'The key is not known.');
    const complaint = complaintAbout(request, text);
    if (complaint !== null) return this.refuse(422, complaint);
    const asked = {
      key,
      organizationId: String(request.headers['works-organization']),
      livemode,
      ...(JSON.parse(text) as Pick<Drafted, 'contact_id' | 'items' | 'due_in_days'>),
    };
    const known = this.drafts.find((draft) => draft.key === key);
    if (known === undefined) {
      const made = { id: newId('inv'), ...asked };
      this.drafts.push(made);
      return { status: 201, body: { id: made.id, object: 'invoice', status: 'draft' } };
    }
    if (JSON.stringify(known) !== JSON.stringify({ id: known.id, ...asked }))
      return this.refuse(409, 'The Idempotency-Key was used for another request.');
    return { status: 201, body: { id: known.id, object: 'invoice', status: 'draft' } };
  }

  private refuse(status: number, detail: string): Reply {
    this.complaints.push(detail);
    return { status, body: { status, detail } };
  }
}

function complaintAbout({ method, url, headers }: IncomingMessage, text: string): string | null {
  if (`${method} ${url}` !== 'POST /billing/v1/invoices') return `There is no ${method} ${url}.`;
  if (headers['content-type'] !== 'application/json') return 'The body must be JSON.';
  if (!isId('evt', headers['idempotency-key'])) return 'The Idempotency-Key must be the id of an event.';
  if (!isId('org', headers['works-organization'])) return 'Works-Organization must be an organization.';
  const body = JSON.parse(text) as Record<string, unknown>;
  if (Object.keys(body).sort().join() !== 'contact_id,due_in_days,items') return 'The body must have contact_id, items and due_in_days.';
  if (!isId('ctc', body['contact_id'])) return 'contact_id must be a contact.';
  if (!Number.isInteger(body['due_in_days'])) return 'due_in_days must be a whole number.';
  const isItem = (item: Record<string, unknown>) =>
    Object.keys(item).sort().join() === 'catalog_item_id,qty' && isId('itm', item['catalog_item_id']) && typeof item['qty'] === 'number';
  return Array.isArray(body['items']) && body['items'].length > 0 && body['items'].every(isItem) ? null : 'items must be catalog items.';
}
