// One claim of what is due, with 1,000 and with 1,000,000 deliveries waiting, and among 5,000 endpoints of which few have something due.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { ms, percentile, psql, root, startProduct } from './support.mjs';

const FEW = 1_000;
const MANY = 1_000_000;
const CLAIMS = 300;

export const title = 'claiming 16 due deliveries, with 1,000,000 waiting';
export const least = 'at most 1.5 times the claim with 1,000 waiting';

export async function measure() {
  const product = await startProduct();
  const server = product.superuserUrl();
  try {
    const [few, many, idle] = [
      await claims(server, 'claim_few', fill({ endpoints: 100, deliveries: FEW })),
      await claims(server, 'claim_many', fill({ endpoints: 100, deliveries: MANY })),
      await claims(server, 'claim_idle', `${fill({ endpoints: 100, deliveries: FEW })}; ${waitingLater(5_000)}`),
    ];
    return {
      figure: `${(many.p50 / few.p50).toFixed(2)} times`,
      details: `p50 ${ms(many.p50)}, p99 ${ms(many.p99)} against ${ms(few.p50)}, ${ms(few.p99)}; among 5,000 endpoints whose retries are due later ${ms(idle.p50)}`,
    };
  } finally {
    await product.stop();
  }
}

/** In a database of its own, where no worker takes anything; each claim is undone, so that all find the same. */
async function claims(server, name, sql) {
  await psql(`${server}/postgres`, `create database ${name}`);
  const client = new pg.Client({ connectionString: `${server}/${name}` });
  await client.connect();
  const migrations = join(root, 'prisma/webhooks/migrations');
  for (const folder of readdirSync(migrations).sort()) {
    if (/^\d/.test(folder)) await client.query(readFileSync(join(migrations, folder, 'migration.sql'), 'utf8'));
  }
  // Foreign keys are not what is measured.
  await client.query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`);
  const claim = { name: 'claim', text: `select * from works_claim_deliveries('bench', 30, 16, 16, 0, 96)` };
  const times = [];
  for (let index = 0; index < CLAIMS; index++) {
    await client.query('begin');
    const at = performance.now();
    const { rows } = await client.query(claim);
    if (index >= CLAIMS / 3) times.push(performance.now() - at);
    if (rows.length < 17) throw new Error(`claimed ${rows.length - 1}`);
    await client.query('rollback');
    if (index % 50 === 0) await client.query('vacuum deliveries_pending');
  }
  await client.end();
  times.sort((a, b) => a - b);
  return { p50: percentile(times, 50), p99: percentile(times, 99) };
}

const endpointsOf = (prefix, count) => `
  insert into webhook_endpoints (id, organization_id, livemode, url, events, max_in_flight, headers, secret, created_at, updated_at)
    select 'whk_${prefix}' || n, 'org_' || n % 10, true, 'https://example.com/', '{}', 16, '{}', '', now(), now() from generate_series(1, ${count}) n`;

const deliveriesOf = (prefix, endpoints, count, dueAt, attempts) => `
  insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, attempts_made, next_attempt_at, due_at)
    select 'dlv_${prefix}' || n, 'org_' || (1 + n % ${endpoints}) % 10, true, 'whk_${prefix}' || (1 + n % ${endpoints}), 'evt_${prefix}' || n, 'task.created', n, n, ${attempts},
           now(), ${dueAt} from generate_series(1, ${count}) n`;

const fill = ({ endpoints, deliveries }) =>
  `${endpointsOf('a', endpoints)}; ${deliveriesOf('a', endpoints, deliveries, `now() - interval '1 hour' + n * interval '1 millisecond'`, 0)}`;

const waitingLater = (endpoints) =>
  `${endpointsOf('b', endpoints)}; ${deliveriesOf('b', endpoints, endpoints, `now() + interval '1 hour'`, 5)}`;
