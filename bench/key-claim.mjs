// What claiming the idempotency key costs POST /tasks: three gateways in one process, with claims, with claims that do not wait for the disk, and with
// none, in turns under the same load.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { Pool as HttpPool } from 'undici';
import { closedLoop, ms, percentile, startProduct } from './support.mjs';

const IN_FLIGHT = 32;
const TURNS = 6;

export const title = 'the claim of its idempotency key, in `POST /tasks`';
export const least = 'at most 1.3 times without';

export async function measure({ seconds = 30 } = {}) {
  const product = await startProduct();
  const gateways = [];
  try {
    const [gateway] = product.processes().filter(({ service }) => service === 'gateway');
    const environment = environmentOf(gateway.pid);
    for (const kind of ['claims', 'unflushed', 'none']) gateways.push(await openGateway(environment, kind));
    const turn = async ({ post }, inFlight, turnSeconds) => closedLoop({ inFlight, seconds: turnSeconds, work: post(product.key) });
    for (const each of gateways) await turn(each, IN_FLIGHT, 3);
    const measured = new Map();
    for (const inFlight of [IN_FLIGHT, 1]) {
      const latencies = gateways.map(() => []);
      const rates = gateways.map(() => []);
      for (let index = 0; index < TURNS; index++)
        for (const [at, each] of gateways.entries()) {
          const { latencies: some, perSecond } = await turn(each, inFlight, seconds / TURNS / gateways.length);
          latencies[at].push(...some);
          rates[at].push(perSecond);
        }
      const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
      measured.set(
        inFlight,
        gateways.map((_, at) => ({
          p50: percentile(
            latencies[at].sort((a, b) => a - b),
            50,
          ),
          perSecond: mean(rates[at]),
        })),
      );
    }
    const [busy, quiet] = [measured.get(IN_FLIGHT), measured.get(1)];
    const said = ([claims, unflushed, none], what) => `${what(claims)} (not flushed ${what(unflushed)}) against ${what(none)}`;
    return {
      figure: `${(busy[2].perSecond / busy[0].perSecond).toFixed(2)} times`,
      details: `${IN_FLIGHT} at a time ${said(busy, ({ perSecond }) => `${perSecond.toFixed(0)}/s`)}, p50 ${said(busy, ({ p50 }) => ms(p50))}; alone p50 ${said(quiet, ({ p50 }) => ms(p50))}`,
    };
  } finally {
    await Promise.all(gateways.map(({ close }) => close()));
    await product.stop();
  }
}

/** The gateway as the product runs it, but for its claims, with a client of its own. */
async function openGateway(environment, kind) {
  const of = async (file) => (await import(`../apps/gateway/dist/${file}.js`)).default;
  const platform = async (folder) => (await import(`../libs/platform/dist/${folder}/index.js`)).default;
  const [{ buildGateway }, { Callers, findCallerIn }, { KeyClaimsIn }, { readOpenApi }] = await Promise.all(
    ['gateway', 'callers', 'key-claims', 'routes'].map(of),
  );
  const [{ openHttp }, { Metrics }, { createLogger }, { deriveKey }] = await Promise.all(
    ['service', 'http', 'logging', 'config'].map(platform),
  );
  const options = kind === 'unflushed' ? { options: '-c synchronous_commit=off' } : {};
  const pool = new pg.Pool({ connectionString: environment.DATABASE_URL, max: 6, ...options });
  const names = ['projects', 'tasks', 'webhooks'];
  const services = new Map(names.map((name) => [name, openHttp(environment[`${name.toUpperCase()}_URL`], 64)]));
  const none = { claim: async (_tenant, _key, service) => ({ service, generation: 1 }) };
  const app = await buildGateway({
    openApi: readOpenApi(),
    callers: new Callers(findCallerIn(pool), deriveKey(environment.WORKS_SECRET, 'caller')),
    claims: kind === 'none' ? none : new KeyClaimsIn(pool),
    services,
    waiting: services,
    logger: createLogger({ name: 'bench', level: 'silent' }),
    metrics: new Metrics(`bench_${kind}`),
    ready: {},
  });
  const http = new HttpPool(await app.listen({ port: 0, host: '127.0.0.1' }), { connections: IN_FLIGHT, pipelining: 1 });
  return {
    post: (key) => async () => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() };
      const answer = await http.request({
        method: 'POST',
        path: '/works/v1/tasks',
        headers,
        body: '{"title":"Order the glass partitions"}',
      });
      await answer.body.dump();
      if (answer.statusCode !== 201) throw new Error(`POST /tasks answered ${answer.statusCode}`);
    },
    close: async () => {
      await http.close();
      await app.close();
      await Promise.all([...services.values()].map((service) => service.close()));
      await pool.end();
    },
  };
}

const environmentOf = (pid) =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((pair) => pair !== '')
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
