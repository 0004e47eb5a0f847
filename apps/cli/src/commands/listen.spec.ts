import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { eventually } from '@works/platform/testing';
import { run } from './commands.examples';
import { listenCommand } from './listen';

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const EVENT = {
  id: 'evt_01J9XW5T9ZQ0V7C2N4R8B6M3KD',
  type: 'project.created',
  timestamp: '2026-11-25T09:30:00.000Z',
  subject: 'prj_01J9XW5T9ZQ0V7C2N4R8B6M3KE',
  data: { project: { name: 'Site fit-out' } },
};

describe('works listen', () => {
  let api: Server;
  let listening: Promise<string>;

  beforeEach(async () => {
    api = createServer().listen(0, '127.0.0.1');
    await once(api, 'listening');
    listening = run(listenCommand(), '--url', urlOf(api), '--key', 'sk_live_4711');
  });
  afterEach(() => {
    api.closeAllConnections();
    api.close();
  });

  /** The registration, not answered yet: where the events are to go, and the answer to give. */
  async function registration(): Promise<{ url: string; answer: () => void }> {
    const [asked, response] = (await once(api, 'request')) as [IncomingMessage, ServerResponse];
    const { url } = (await json(asked)) as { url: string };
    return { url, answer: () => void response.writeHead(201).end(JSON.stringify({ id: 'whk_1', secret: SECRET })) };
  }

  async function stop(signal: NodeJS.Signals = 'SIGINT'): Promise<string> {
    api.once('request', (_, response: ServerResponse) => response.writeHead(204).end());
    process.emit(signal);
    return listening;
  }

  it('prints an event that comes before the answer which has the secret for it', async () => {
    const { url, answer } = await registration();
    const delivered = await beginDelivery(url, SECRET);
    answer();
    expect(await delivered()).toBe(200);
    expect(await stop()).toMatch(/Listening as whk_1[^]*project\.created +Project Site fit-out opened[^]*Stopped; whk_1 is deleted/);
  });

  // Guarantees that a terminal that is closed leaves no endpoint that is delivered to in vain for hours.
  it.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])('deletes its endpoint on %s', async (signal) => {
    const { answer } = await registration();
    const before = process.listenerCount(signal);
    answer();
    await eventually(() => expect(process.listenerCount(signal)).toBeGreaterThan(before));
    expect(await stop(signal)).toContain('Stopped; whk_1 is deleted');
  });

  it('prints of what somebody else has signed only that it came', async () => {
    const { url, answer } = await registration();
    answer();
    const delivered = await beginDelivery(url, `whsec_${Buffer.alloc(24, 8).toString('base64')}`);
    expect(await delivered()).toBe(400);
    const printed = await stop();
    expect(printed).toContain('whose signature is not ours');
    expect(printed).not.toContain('fit-out');
  });
});

/** Resolves once the listener has the request and asks for its body; what it resolves with sends that, and says the status of the answer. */
async function beginDelivery(url: string, secret: string): Promise<() => Promise<number>> {
  const [body, at] = [JSON.stringify(EVENT), new Date()];
  const headers = {
    'webhook-id': EVENT.id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(EVENT.id, at, body),
    'content-length': Buffer.byteLength(body),
    expect: '100-continue',
  };
  const delivery = request(url, { method: 'POST', headers });
  const answered = once(delivery, 'response') as Promise<[IncomingMessage]>;
  delivery.flushHeaders();
  await once(delivery, 'continue');
  return async () => {
    delivery.end(body);
    return (await answered)[0].statusCode!;
  };
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function json(message: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of message) text += String(chunk);
  return JSON.parse(text);
}
