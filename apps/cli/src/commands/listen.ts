import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Command } from 'commander';
import { Webhook } from 'standardwebhooks';
import type { PublicEvent } from '@works/contracts/events';
import { phraseOf } from '@works/contracts/phrases';
import { Home, type DevFile } from '../home';
import { paint } from '../paint';
import { printable } from '../printable';

interface Options {
  key?: string;
  events?: string;
  url?: string;
}

export function listenCommand(): Command {
  return new Command('listen')
    .description('receive webhooks on this machine and print a line for each, until Ctrl-C')
    .option('--key <key>', 'an API key; the demo organization’s live key when absent')
    .option('--events <patterns>', 'comma-separated, such as task.*,milestone.reached; all when absent')
    .option('--url <url>', 'the address of the API')
    .action(listen);
}

async function listen(options: Options): Promise<void> {
  const dev = Home.here().dev();
  const api = new Endpoints(options.url ?? urlOf(dev), options.key ?? keyOf(dev));
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  // The first events can be here before the answer that has the secret to verify them.
  const registration = api.create(url, options.events?.split(',') ?? []);
  receive(
    server,
    registration.then(({ secret }) => new Webhook(secret)),
  );
  const endpoint = await registration;
  process.stdout.write(`Listening as ${endpoint.id}. Ctrl-C ends it.\n\n`);

  await untilAskedToStop();
  await api.delete(endpoint.id);
  server.closeAllConnections();
  server.close();
  process.stdout.write(`\nStopped; ${endpoint.id} is deleted.\n`);
}

/** Also by a terminal that was closed, and when whoever started this has ended without a word: the endpoint must not outlive them. */
function untilAskedToStop(): Promise<void> {
  return new Promise((stop) => {
    const parent = process.ppid;
    const watch = setInterval(() => process.ppid !== parent && done(), LOOK_FOR_PARENT_EVERY_MS);
    const done = () => {
      clearInterval(watch);
      for (const signal of ENDINGS) process.off(signal, done);
      stop();
    };
    for (const signal of ENDINGS) process.on(signal, done);
    // Nobody reads what is printed any more; that must not end this before the endpoint is deleted.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', done);
  });
}

const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const LOOK_FOR_PARENT_EVERY_MS = 500;

const urlOf = (dev: DevFile | null): string =>
  dev?.url ?? fail('Nothing runs here: start it with npm start, or name an address with --url.');
const keyOf = (dev: DevFile | null): string => dev?.organizations[0]?.live_key ?? fail('No key is known here: name one with --key.');

function fail(sentence: string): never {
  throw new Error(sentence);
}

/** Takes requests from now on, and answers them once there is a webhook to verify them with; without one nobody will come again. */
function receive(server: Server, webhook: Promise<Webhook>): void {
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void webhook.then(
        (verifier) => {
          const line = lineOf(request, Buffer.concat(chunks).toString(), verifier);
          response.writeHead(line === null ? 400 : 200).end();
          process.stdout.write(`${line ?? paint('red', 'A request came whose signature is not ours; answered 400.')}\n`);
        },
        () => response.destroy(),
      );
    });
  });
}

/** Null when the signature does not verify. */
function lineOf(request: IncomingMessage, body: string, webhook: Webhook): string | null {
  try {
    webhook.verify(body, request.headers as Record<string, string>);
  } catch {
    return null;
  }
  const event = JSON.parse(body) as PublicEvent;
  const attempt = String(request.headers['webhook-attempt'] ?? '');
  const again = attempt.startsWith('1/') || attempt === '' ? '' : paint('yellow', ` (attempt ${attempt})`);
  const time = new Date(event.timestamp).toLocaleTimeString('en-GB');
  return `${paint('dim', time)}  ${paint('cyan', event.type.padEnd(17))} ${printable(phraseOf(event))}${again}  ${paint('dim', event.subject)}`;
}

class Endpoints {
  constructor(
    private readonly url: string,
    private readonly key: string,
  ) {}

  async create(url: string, events: string[]): Promise<{ id: string; secret: string }> {
    const response = await this.send('POST', '/webhook_endpoints', { url, events, description: 'works listen' });
    return (await response.json()) as { id: string; secret: string };
  }

  async delete(id: string): Promise<void> {
    await this.send('DELETE', `/webhook_endpoints/${id}`);
  }

  private async send(method: string, path: string, body?: object): Promise<Response> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        'idempotency-key': randomUUID(),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    }).catch(() => fail(`Nothing answers at ${this.url}.`));
    if (!response.ok) fail(`${method} ${path} was refused: ${((await response.json()) as { detail?: string }).detail ?? response.status}`);
    return response;
  }
}
