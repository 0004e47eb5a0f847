// GET /users/{id}/queue with 50 open tasks among 100,000, against pgbench running the service's own statement on the same database; and the
// queue of somebody who has 10,000 open tasks, with a walk to the end of its longest group.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { client, closedLoop, ms, percentile, pgbench, psql, root, startProduct } from './support.mjs';

const TASKS = 100_000;
const BUSY = 'usr_00000000000000000000900000';
const BUSY_TASKS = 10_000;
const PEOPLE = TASKS / 50;
const IN_FLIGHT = 8;

export const title = "a person's queue of 50 open tasks among 100,000";
export const least = 'p50 within 3 times the same SQL by pgbench';

export async function measure({ seconds = 10 } = {}) {
  const product = await startProduct();
  try {
    const url = `${product.superuserUrl()}/works_tasks`;
    const http = client(product, IN_FLIGHT);
    await http.post('/tasks', { title: 'Order the glass partitions', due_on: '2099-01-31', assignee_id: personOf(0) });
    await psql(url, fill(product.organization));
    const script = scriptFor(product.organization);
    const read = () => http.get(`/users/${personOf(1 + Math.floor(Math.random() * PEOPLE))}/queue`);
    await closedLoop({ inFlight: IN_FLIGHT, seconds: 5, work: read });
    const before = await pgbench(url, { script, clients: IN_FLIGHT, seconds: seconds / 2 });
    const ours = await closedLoop({ inFlight: IN_FLIGHT, seconds, work: read });
    const after = await pgbench(url, { script, clients: IN_FLIGHT, seconds: seconds / 2 });
    const floorMs = (before.latencyMs + after.latencyMs) / 2;
    const busy = await busyPerson(http);
    await http.close();
    const p50 = percentile(ours.latencies, 50);
    return {
      figure: `${(p50 / floorMs).toFixed(1)} times the floor`,
      details: `p50 ${ms(p50)}, p99 ${ms(percentile(ours.latencies, 99))}, ${ours.perSecond.toFixed(0)}/s against ${ms(floorMs)}, ${IN_FLIGHT} at a time; ${busy}`,
    };
  } finally {
    await product.stop();
  }
}

/** One at a time: what one of them waits for, not what the machine can do. */
async function busyPerson(http) {
  const { latencies } = await closedLoop({ inFlight: 1, seconds: 5, work: () => http.get(`/users/${BUSY}/queue`) });
  const { counts, next_cursors } = JSON.parse(await http.get(`/users/${BUSY}/queue`));
  const pages = [];
  for (let cursor = next_cursors.upcoming; cursor !== null;) {
    const at = performance.now();
    const page = JSON.parse(await http.get(`/users/${BUSY}/queue/tasks?group=upcoming&limit=100&cursor=${cursor}`));
    pages.push(performance.now() - at);
    cursor = page.next_cursor;
  }
  if (counts.upcoming > 100 * (pages.length + 1)) throw new Error(`the walk ended before its ${counts.upcoming} tasks`);
  pages.sort((a, b) => a - b);
  return `${BUSY_TASKS.toLocaleString('en')} open tasks of one person, 1 at a time: p50 ${ms(percentile(latencies, 50))}, next pages of 100 p50 ${ms(percentile(pages, 50))}`;
}

const personOf = (n) => `usr_${String(n).padStart(26, '0')}`;

/** Copies of the one task that is there, 50 for each person, due on different days. */
const fill = (organization) => `
  insert into tasks (id, organization_id, livemode, version, state)
    select 'tsk_' || lpad(n::text, 26, '0'), '${organization}', true, t.version,
           t.state || jsonb_build_object('id', 'tsk_' || lpad(n::text, 26, '0'), 'assignee_id', 'usr_' || lpad((1 + n % ${PEOPLE})::text, 26, '0'),
                                         'overdue_at', to_char(now() + make_interval(hours => n % 1000 - 200), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      from generate_series(1, ${TASKS}) n, (select version, state from tasks limit 1) t;
  insert into tasks (id, organization_id, livemode, version, state)
    select 'tsk_' || lpad(n::text, 25, '0') || 'B', '${organization}', true, t.version,
           t.state || jsonb_build_object('id', 'tsk_' || lpad(n::text, 25, '0') || 'B', 'assignee_id', '${BUSY}',
                                         'overdue_at', to_char(now() + make_interval(hours => n % 1000 - 200), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      from generate_series(1, ${BUSY_TASKS}) n, (select version, state from tasks limit 1) t;
  analyze tasks`;

/** As the service reads it: a transaction, the tenant, the statement. */
function scriptFor(organization) {
  const { QUEUE_STATEMENT } = createRequire(import.meta.url)(join(root, 'apps/tasks/dist/read-models/queue-statement.js'));
  const statement = QUEUE_STATEMENT.text
    .replaceAll('$1', "('usr_' || lpad(:n::text, 26, '0'))")
    .replaceAll('$2', 'now()')
    .replaceAll('$3', "(now() + interval '12 hours')");
  const file = join(mkdtempSync(join(tmpdir(), 'works-bench-')), 'queue.sql');
  const lines = [
    `\\set n random(1, ${PEOPLE})`,
    'begin read only;',
    'set local role works_tasks_app;',
    `select set_config('works.organization_id', '${organization}', true), set_config('works.livemode', 'true', true);`,
    `${statement.replaceAll('\n', ' ')};`,
    'commit;',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}
