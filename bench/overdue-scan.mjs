// 1,000 of 100,000 open tasks fall due at one instant: how long until all are told, and what others who write meanwhile feel of it.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { client, ms, openLoop, percentile, psql, startProduct } from './support.mjs';

const TASKS = 100_000;
const DUE = 1_000;
/** Other writes under way all the time. */
const WRITES_PER_SECOND = 60;
/** What writes take is compared with as long a time without the scan. */
const QUIET_SECONDS = 12;

export const title = '1,000 of 100,000 open tasks fall due at one instant';
export const least = "all told within 3 s, other writes' p95 at most 1.5 times";

export async function measure() {
  const product = await startProduct();
  const url = `${product.superuserUrl()}/works_tasks`;
  const http = client(product, 16);
  const watching = new pg.Client({ connectionString: url });
  await watching.connect();
  try {
    await http.post('/tasks', { title: 'Order the glass partitions', due_on: '2099-01-31' });
    await psql(url, fill(product.organization));
    const writes = [];
    const write = async () => {
      const at = Date.now();
      const startedAt = performance.now();
      await http.post('/tasks', { title: 'Call the client' });
      writes.push({ at, took: performance.now() - startedAt });
    };
    await openLoop({ perSecond: WRITES_PER_SECOND, seconds: 5, work: write });
    writes.length = 0;

    const dueAt = Date.now() + QUIET_SECONDS * 1_000;
    await watching.query(
      `update tasks set state = state || jsonb_build_object('overdue_at', $1::text) where id between 'tsk_' || lpad('1', 26, '0') and 'tsk_' || lpad('${DUE}', 26, '0')`,
      [new Date(dueAt).toISOString()],
    );
    const load = openLoop({ perSecond: WRITES_PER_SECOND, seconds: QUIET_SECONDS + 4, work: write });
    await delay(dueAt - Date.now());
    while (await isAnyUntold(watching, dueAt)) await delay(10);
    const toldAt = Date.now();
    await load;

    const during = p95(writes.filter(({ at }) => at >= dueAt - 50 && at <= toldAt));
    const quiet = p95(writes.filter(({ at }) => at > dueAt - (QUIET_SECONDS - 2) * 1_000 && at < dueAt - 1_000));
    return {
      figure: `${((toldAt - dueAt) / 1_000).toFixed(2)} s, ${(during / quiet).toFixed(2)} times`,
      details: `p95 of ${WRITES_PER_SECOND} creates a second: ${ms(quiet)} before, ${ms(during)} while they are told`,
    };
  } finally {
    await Promise.all([http.close(), watching.end()]);
    await product.stop();
  }
}

const p95 = (writes) =>
  percentile(
    writes.map(({ took }) => took).sort((a, b) => a - b),
    95,
  );

async function isAnyUntold(watching, dueAt) {
  const { rows } = await watching.query('select count(*)::int as untold from tasks where untold_overdue_at <= $1', [new Date(dueAt)]);
  return rows[0].untold > 0;
}

/** Copies of the one task that is there, and what the store knows of them, due on different days to come. */
const fill = (organization) => `
  insert into tasks (id, organization_id, livemode, version, state)
    select 'tsk_' || lpad(n::text, 26, '0'), '${organization}', true, t.version,
           t.state || jsonb_build_object('id', 'tsk_' || lpad(n::text, 26, '0'),
                                         'overdue_at', to_char(now() + make_interval(hours => 24 + n % 1000), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      from generate_series(1, ${TASKS}) n, (select version, state from tasks limit 1) t;
  analyze tasks`;
