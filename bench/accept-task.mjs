// POST /tasks through the gateway, every guarantee on, against pgbench doing the same logical write on the same server.
import { join } from 'node:path';
import { client, closedLoop, ms, percentile, pgbench, psql, root, startProduct } from './support.mjs';
import { readFileSync } from 'node:fs';

const IN_FLIGHT = 32;

export const title = 'POST /tasks against the floor of the same write';
export const least = 'at least 0.35 of pgbench';

export async function measure({ seconds = 20 } = {}) {
  const product = await startProduct();
  try {
    const url = `${product.superuserUrl()}/postgres`;
    await psql(url, readFileSync(join(root, 'bench/append-floor.sql'), 'utf8'));
    const floorUrl = `${url}?options=${encodeURIComponent('-c role=works_floor')}`;
    const script = join(root, 'bench/append-floor.pgbench.sql');
    const http = client(product, IN_FLIGHT);
    const create = () => http.post('/tasks', { title: 'Order the glass partitions', priority: 'high' });
    await closedLoop({ inFlight: IN_FLIGHT, seconds: 15, work: create });
    const before = await pgbench(floorUrl, { script, clients: IN_FLIGHT, seconds: seconds / 2 });
    const ours = await closedLoop({ inFlight: IN_FLIGHT, seconds, work: create });
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
