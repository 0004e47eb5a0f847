// POST /tasks into a store of 2,000,000 events against one that is empty: the same product before and after, one request at a time, so that
// what is compared is the time of an append and not how many share a commit.
import { client, ms, percentile, psql, startProduct } from './support.mjs';

const EVENTS = 2_000_000;
const EVENTS_PER_STREAM = 4;

export const title = `appends to a store of ${EVENTS.toLocaleString('en')} events against an empty one`;
export const least = 'at most 1.2 times the time';

export async function measure({ seconds = 20 } = {}) {
  const product = await startProduct();
  try {
    const database = `${product.superuserUrl()}/works_tasks`;
    const http = client(product, 1);
    await appends(http, 10);
    const empty = await appends(http, seconds);
    await psql(database, fill(product.organization));
    await psql(database, 'checkpoint');
    await appends(http, 5);
    const full = await appends(http, seconds);
    await http.close();
    const [before, after] = [empty, full].map((latencies) => percentile(latencies, 50));
    return {
      figure: `${(after / before).toFixed(2)} times`,
      details: `p50 ${ms(after)} against ${ms(before)}, p99 ${ms(percentile(full, 99))} against ${ms(percentile(empty, 99))}, 1 at a time`,
    };
  } finally {
    await product.stop();
  }
}

async function appends(http, seconds) {
  const latencies = [];
  for (const endAt = performance.now() + seconds * 1_000; performance.now() < endAt;) {
    const at = performance.now();
    await http.post('/tasks', { title: 'Order the glass partitions' });
    latencies.push(performance.now() - at);
  }
  return latencies.sort((a, b) => a - b);
}

/** Facts of streams in no order, as ids come, and told to nobody. No `analyze`: the statistics stay behind, as they are in life. */
const fill = (organization) => `
  insert into events (organization_id, livemode, id, stream_id, version, type, data, metadata, occurred_at)
    select '${organization}', true, 'evt_' || md5(n::text), 'tsk_' || md5((n / ${EVENTS_PER_STREAM})::text), 1 + n % ${EVENTS_PER_STREAM}, 'task.updated',
           jsonb_build_object('changes', jsonb_build_object('title', 'Order the glass partitions of floor ' || n), 'at', '2026-11-23T03:32:00.000Z', 'blocked', false),
           '{}', now()
      from generate_series(0, ${EVENTS} - 1) n`;
