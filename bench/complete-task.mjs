// POST /tasks/{id}/complete through the gateway, every guarantee on, against pgbench doing the floor's write on the same server. A completion
// is two round trips where the floor's write is one: the document is read, decided on, and written.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { client, closedLoop, ms, percentile, pgbench, psql, root, startProduct } from './support.mjs';

const IN_FLIGHT = 32;
/** More than can be completed in the time: each task is completed once. */
const TASKS_PER_SECOND = 2_500;
const WARM_UP_SECONDS = 10;
const BATCH = 100;

export const title = 'complete a task against the floor of a write';
export const least = 'at least 0.30 of pgbench';

export async function measure({ seconds = 20 } = {}) {
  const product = await startProduct();
  try {
    const url = `${product.superuserUrl()}/postgres`;
    await psql(url, readFileSync(join(root, 'bench/append-floor.sql'), 'utf8'));
    const floorUrl = `${url}?options=${encodeURIComponent('-c role=works_floor')}`;
    const script = join(root, 'bench/append-floor.pgbench.sql');
    const http = client(product, IN_FLIGHT);
    const open = await openTasks(http, TASKS_PER_SECOND * (seconds + WARM_UP_SECONDS));
    const complete = () => http.post(`/tasks/${open.pop()}/complete`);
    await closedLoop({ inFlight: IN_FLIGHT, seconds: WARM_UP_SECONDS, work: complete });
    const before = await pgbench(floorUrl, { script, clients: IN_FLIGHT, seconds: seconds / 2 });
    const ours = await closedLoop({ inFlight: IN_FLIGHT, seconds, work: complete });
    const after = await pgbench(floorUrl, { script, clients: IN_FLIGHT, seconds: seconds / 2 });
    const floor = (before.perSecond + after.perSecond) / 2;
    await http.close();
    return {
      figure: `${(ours.perSecond / floor).toFixed(2)} of the floor`,
      details: `${ours.perSecond.toFixed(0)}/s (p50 ${ms(percentile(ours.latencies, 50))}, p99 ${ms(percentile(ours.latencies, 99))}) against ${floor.toFixed(0)}/s`,
    };
  } finally {
    await product.stop();
  }
}

async function openTasks(http, count) {
  const ids = [];
  const operations = Array.from({ length: BATCH }, () => ({ op: 'create', task: { title: 'Order the glass partitions' } }));
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (ids.length < count) {
        const { data } = JSON.parse(await http.post('/tasks/batch', { mode: 'atomic', operations }));
        ids.push(...data.map(({ task }) => task.id));
      }
    }),
  );
  return ids;
}
