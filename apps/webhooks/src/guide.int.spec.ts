import { spawn, spawnSync } from 'node:child_process';
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
const snippet = (language: Language, name: string): string =>
  new RegExp(`\`\`\`${language}\n(?://|#) ${name}\n([\\s\\S]*?)\`\`\``).exec(GUIDE)![1]!;

type Language = 'js' | 'python';

/** The program that runs it, and the file it is in. */
const RUN: Readonly<Record<Language, [program: string, file: string]>> = {
  js: [process.execPath, 'receiver.mjs'],
  python: ['python3', 'receiver.py'],
};

function needs(program: string): void {
  if (spawnSync(program, ['--version']).status === 0) return;
  throw new Error(
    `The guide has a receiver for ${program}, and it does not run here. Install Python 3.9 or newer (Debian and Ubuntu: apt-get install python3).`,
  );
}

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

  it.each<[string, Language]>([
    ['receiver-plain', 'js'],
    ['receiver-library', 'js'],
    ['receiver-python', 'python'],
  ])(
    'has a receiver that works: %s',
    async (name, language) => {
      const [program, file] = RUN[language];
      needs(program);
      const caller = aCaller();
      const port = await freePort();
      const url = `http://127.0.0.1:${port}/hooks`;
      const { id, secret } = (await service.post(caller, '/webhook_endpoints', { url })).json<WebhookEndpoint>();
      // Where a reader's file finds the packages of this repository.
      const folder = mkdtempSync(join(ROOT, 'node_modules/.cache/guide-'));
      writeFileSync(join(folder, file), snippet(language, name));
      const receiver = spawn(program, [join(folder, file)], {
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
