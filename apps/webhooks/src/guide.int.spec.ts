import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
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

type Language = 'js' | 'python' | 'java';

/** The program that runs it, and the file it is in. */
const RUN: Readonly<Record<Language, [program: string, file: string]>> = {
  js: [process.execPath, 'receiver.mjs'],
  python: ['python3', 'receiver.py'],
  java: ['java', 'Receiver.java'],
};

const INSTALL: Readonly<Record<string, string>> = {
  python3: 'Python 3.9 or newer (Debian and Ubuntu: apt-get install python3)',
  java: 'a JDK of 17 or newer, which the tests on Kafka need too (Debian and Ubuntu: apt-get install openjdk-17-jdk-headless)',
};

function needs(program: string): void {
  if (spawnSync(program, ['--version']).status === 0) return;
  throw new Error(`The guide has a receiver for ${program}, and it does not run here. Install ${INSTALL[program]}.`);
}

/** What we would send, had we sent it then. */
function signed(secret: string, at: number) {
  const [id, timestamp, body] = ['evt_1', String(Math.floor(at / 1_000)), '{"id":"evt_1"}'];
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signature = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  return { body, headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } };
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
    ['receiver-java', 'java'],
  ])('has a receiver that works: %s', async (name, language) => {
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
      const answer = async (webhook: { body: string; headers: Record<string, string> }) =>
        (await fetch(url, { method: 'POST', ...webhook })).status;
      const genuine = signed(secret!, Date.now());
      const forged = { ...genuine, headers: { ...genuine.headers, 'webhook-signature': 'v1,AAAA' } };
      // Java compiles first.
      expect(await eventually(() => answer(forged))).toBe(400);
      expect(await answer({ ...genuine, body: '{"id":"evt_2"}' })).toBe(400);
      expect(await answer(signed(secret!, Date.now() - 310_000))).toBe(400);
      expect(await answer({ body: genuine.body, headers: {} })).toBe(400);
      expect(taken).toEqual([]);
      await service.post(caller, `/webhook_endpoints/${id}/rotate_secret`, {});
      const event = anEvent(caller);
      await service.tell([event]);
      await eventually(() => expect(taken).toEqual([event.id]));
    } finally {
      receiver.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
