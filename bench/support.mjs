// What every measurement needs: the product as a user runs it, a receiver, a bounded load, and percentiles.
import { spawn, execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Pool as HttpPool } from 'undici';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const run = promisify(execFile);

/** Connections of the load, and clients of pgbench beside it. */
export const FLOOR_IN_FLIGHT = 32;

/** Starts the product in a folder of its own. */
export async function startProduct({ kafka = false } = {}) {
  const home = mkdtempSync(join(tmpdir(), 'works-bench-'));
  const port = await freePort();
  const child = spawn(process.execPath, ['tools/start.mjs', ...(kafka ? ['--kafka'] : [])], {
    cwd: root,
    env: { ...process.env, WORKS_HOME: home, PORT: String(port), LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) break;
    await delay(50);
  }
  const { organizations } = JSON.parse(readFileSync(join(home, 'dev.json'), 'utf8'));
  return {
    home,
    port,
    key: organizations[0].live_key,
    organization: organizations[0].id,
    superuserUrl: () => {
      const password = readFileSync(join(home, 'postgres', 'password'), 'utf8');
      const pgPort = readFileSync(join(home, 'postgres', 'data', 'postmaster.pid'), 'utf8')
        .split('\n')[3]
        .trim();
      return `postgresql://postgres:${password}@127.0.0.1:${pgPort}`;
    },
    processes: () => servicesOf(child.pid),
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await new Promise((done) => child.on('exit', done));
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A client with this many connections, one request on each at a time. */
export function client(product, connections) {
  const pool = new HttpPool(`http://127.0.0.1:${product.port}`, { connections, pipelining: 1 });
  const send = async (method, path, body) => {
    const headers = { authorization: `Bearer ${product.key}` };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['idempotency-key'] = randomUUID();
    }
    const response = await pool.request({ method, path: `/works/v1${path}`, headers, body: body && JSON.stringify(body) });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`${method} ${path} answered ${response.statusCode}: ${text.slice(0, 500)}`);
    return text;
  };
  return { get: (path) => send('GET', path), post: (path, body = {}) => send('POST', path, body), close: () => pool.close() };
}

/** `inFlight` workers call `work` until the time is up. Resolves with the count, the rate, and each call's milliseconds, sorted. */
export async function closedLoop({ inFlight, seconds, work }) {
  const latencies = [];
  const startedAt = performance.now();
  const endAt = startedAt + seconds * 1_000;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < endAt) {
        const at = performance.now();
        await work();
        latencies.push(performance.now() - at);
      }
    }),
  );
  const elapsed = (performance.now() - startedAt) / 1_000;
  return { count: latencies.length, perSecond: latencies.length / elapsed, latencies: latencies.sort((a, b) => a - b) };
}

/** Starts `work` at a fixed rate, whatever the answers take: the load does not wait for the system under it. */
export async function openLoop({ perSecond, seconds, work }) {
  const pending = [];
  const startedAt = performance.now();
  for (let index = 0; index < perSecond * seconds; index++) {
    const due = startedAt + (index * 1_000) / perSecond;
    if (due > performance.now()) await delay(due - performance.now());
    pending.push(work(index));
  }
  await Promise.all(pending);
}

export const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))];
export const ms = (value) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

/** An endpoint that answers 200 at once and tells `arrived` of each event's id and type. */
export async function startReceiver(arrived) {
  const server = createServer((request, response) => {
    const at = performance.now();
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(200, { 'content-length': 0 }).end();
      arrived({ id: request.headers['webhook-id'], at, body: Buffer.concat(chunks) });
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}/hooks`,
    close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))),
  };
}

/** Resolves when it is so, or after so many seconds all the same: then what has come is what is measured. */
export async function until(isSo, { withinSeconds }) {
  const giveUpAt = performance.now() + withinSeconds * 1_000;
  while (!isSo() && performance.now() < giveUpAt) await delay(20);
}

/** Publishes to the embedded log as a relay does; what goes before it costs nothing then. */
export async function publisher(product) {
  const { embeddedLog } = (await import('../libs/platform/dist/event-log/index.js')).default;
  return embeddedLog({ url: `${product.superuserUrl()}/works_log`, instance: 'bench' });
}

/** `task.created` as the tasks service tells it of a task that stands alone. */
export function aTaskEvent(organization, title = 'Order the glass partitions') {
  const [id, subject, timestamp] = [anId('evt'), anId('tsk'), new Date().toISOString()];
  const event = {
    ...{
      id,
      object: 'event',
      type: 'task.created',
      position: null,
      organization_id: organization,
      livemode: true,
      subject,
      project_id: null,
    },
    ...{ timestamp, data: { task: { id: subject, object: 'task', title } } },
  };
  return { topic: event.type, key: subject, value: JSON.stringify(event), headers: { ce_id: id, ce_type: event.type, ce_sequence: '1' } };
}

/** Runs pgbench with a script of ours; resolves with transactions per second and the average latency in ms. */
export async function pgbench(url, { script, clients, seconds, variables = {} }) {
  const parameters = ['-n', '-M', 'prepared', '-c', String(clients), '-j', '2', '-T', String(seconds), '-f', script];
  for (const [name, value] of Object.entries(variables)) parameters.push('-D', `${name}=${value}`);
  const { stdout } = await run('pgbench', [...parameters, url]).catch((error) => {
    if (error.code === 'ENOENT')
      throw new Error('pgbench is not installed: it comes with PostgreSQL (Debian: apt-get install postgresql-contrib)');
    throw error;
  });
  return { perSecond: Number(/tps = ([\d.]+)/.exec(stdout)[1]), latencyMs: Number(/latency average = ([\d.]+)/.exec(stdout)[1]) };
}

/** `work`, 32 at a time, against pgbench doing the least a database can for a write (append-floor.sql), before and after it on the same server. */
export async function againstFloor(product, { seconds, warmUpSeconds, work }) {
  const inFlight = FLOOR_IN_FLIGHT;
  const url = `${product.superuserUrl()}/postgres`;
  await psql(url, readFileSync(join(root, 'bench/append-floor.sql'), 'utf8'));
  const floorUrl = `${url}?options=${encodeURIComponent('-c role=works_floor')}`;
  const onFloor = () =>
    pgbench(floorUrl, { script: join(root, 'bench/append-floor.pgbench.sql'), clients: inFlight, seconds: seconds / 2 });
  await closedLoop({ inFlight, seconds: warmUpSeconds, work });
  const before = await onFloor();
  const ours = await closedLoop({ inFlight, seconds, work });
  const after = await onFloor();
  const floor = (before.perSecond + after.perSecond) / 2;
  return {
    figure: `${(ours.perSecond / floor).toFixed(2)} of the floor`,
    details: `${ours.perSecond.toFixed(0)}/s (p50 ${ms(percentile(ours.latencies, 50))}, p99 ${ms(percentile(ours.latencies, 99))}) against ${floor.toFixed(0)}/s`,
  };
}

/**
 * Milliseconds from the moment a request is sent until its webhook is received, sorted, at a fixed rate. `beside` are the addresses of further
 * endpoints that get the same events.
 */
export async function webhookLatencies({ kafka = false, seconds, warmUpSeconds, perSecond, warmUpPerSecond = perSecond, beside = [] }) {
  const product = await startProduct({ kafka });
  const received = new Map();
  const receiver = await startReceiver(({ at, body }) => {
    const subject = /"subject":"(tsk_\w+)"/.exec(body.toString())?.[1];
    if (subject && !received.has(subject)) received.set(subject, at);
  });
  try {
    const http = client(product, 16);
    for (const url of [receiver.url, ...beside]) await http.post('/webhook_endpoints', { url, events: ['task.created'] });
    const sent = new Map();
    const create = async () => {
      const at = performance.now();
      const text = await http.post('/tasks', { title: 'Measure the glass partitions' });
      sent.set(/"id":"(tsk_\w+)"/.exec(text)[1], at);
    };
    const allReceived = () => until(() => [...sent.keys()].every((id) => received.has(id)), { withinSeconds: 30 });
    await openLoop({ perSecond: warmUpPerSecond, seconds: warmUpSeconds, work: create });
    await allReceived();
    sent.clear();
    await openLoop({ perSecond, seconds, work: create });
    await allReceived();
    await http.close();
    return [...sent].map(([id, at]) => (received.get(id) ?? Infinity) - at).sort((a, b) => a - b);
  } finally {
    await receiver.close();
    await product.stop();
  }
}

export async function psql(url, sql) {
  const { Client } = (await import('pg')).default;
  const connection = new Client({ connectionString: url });
  await connection.connect();
  try {
    return await connection.query(sql);
  } finally {
    await connection.end();
  }
}

/** Resident megabytes by service, from /proc. */
function servicesOf(parent) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const service = /apps\/(\w+)\/dist\/main\.js/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.[1];
        if (!service || Number(/^PPid:\s+(\d+)/m.exec(status)[1]) !== parent) return [];
        return [{ service, pid: Number(pid), residentMb: Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) / 1_024 }];
      } catch {
        return [];
      }
    });
}

const freePort = () =>
  new Promise((done, failed) => {
    const server = createNetServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

/** A prefixed id with a random body, for load only. */
export const anId = (prefix) =>
  `${prefix}_0${Array.from(crypto.getRandomValues(new Uint8Array(25)), (byte) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[byte & 31]).join('')}`;
