import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { WebhookEndpoint } from '@works/contracts/webhooks';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, startWebhooks, type WebhooksService } from './webhooks-service.examples';

const ROOT = resolve(__dirname, '../../..');
const GUIDE = readFileSync(join(ROOT, 'docs/guides/webhooks.md'), 'utf8');

/** The code under a name in the guide, as a reader copies it. */
const snippet = (name: string): string => new RegExp(`\`\`\`js\n// ${name}\n([\\s\\S]*?)\`\`\``).exec(GUIDE)![1]!;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

// What the guide says is run as it stands there: a reader who copies it has a receiver that takes our webhooks, and nobody else's.
describe('the guide to webhooks', () => {
  let service: WebhooksService;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  afterAll(() => service.stop());

  it.each(['receiver-plain', 'receiver-library'])(
    'has a receiver that works: %s',
    async (name) => {
      const caller = aCaller();
      const port = await freePort();
      const url = `http://127.0.0.1:${port}/hooks`;
      const { id, secret } = (await service.post(caller, '/webhook_endpoints', { url })).json<WebhookEndpoint>();
      // Where a reader's file finds the packages of this repository.
      const folder = mkdtempSync(join(ROOT, 'node_modules/.cache/guide-'));
      writeFileSync(join(folder, 'receiver.mjs'), snippet(name));
      const receiver = spawn(process.execPath, [join(folder, 'receiver.mjs')], {
        env: { ...process.env, PORT: String(port), WEBHOOK_SECRET: secret! },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const taken: string[] = [];
      createInterface(receiver.stdout).on('line', (line) => taken.push(line));
      try {
        const forged = await eventually(
          () =>
            fetch(url, {
              method: 'POST',
              headers: {
                'webhook-id': 'evt_1',
                'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
                'webhook-signature': 'v1,AAAA',
              },
              body: '{"id":"evt_1"}',
            }),
          { withinMs: 5_000 },
        );
        expect(forged.status).toBe(400);
        await service.post(caller, `/webhook_endpoints/${id}/rotate_secret`, {});
        const event = anEvent(caller);
        await service.tell([event]);
        await eventually(() => expect(taken).toEqual([event.id]));
      } finally {
        receiver.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      }
    },
    15_000,
  );
});
