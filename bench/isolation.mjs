// A healthy endpoint at 50 events per second, alone, and then beside one that never answers and gets the same events.
import { createServer } from 'node:http';
import { client, ms, openLoop, percentile, startProduct, startReceiver } from './support.mjs';

const PER_SECOND = 50;

export const title = `request sent to webhook received, ${PER_SECOND} per second, beside a black hole`;
export const least = 'p99 at most 2 times without it';

export async function measure({ seconds = 30 } = {}) {
  const alone = await run({ seconds, hole: null });
  const hole = createServer(() => undefined);
  await new Promise((done) => hole.listen(0, '127.0.0.1', done));
  try {
    const beside = await run({ seconds, hole: `http://127.0.0.1:${hole.address().port}/` });
    return {
      figure: `${(beside.p99 / alone.p99).toFixed(2)} times`,
      details: `p50 ${ms(beside.p50)}, p99 ${ms(beside.p99)} against ${ms(alone.p50)}, ${ms(alone.p99)}`,
    };
  } finally {
    hole.closeAllConnections();
    hole.close();
  }
}

async function run({ seconds, hole }) {
  const product = await startProduct();
  const received = new Map();
  const receiver = await startReceiver(({ at, body }) => {
    const subject = /"subject":"(tsk_\w+)"/.exec(body.toString())?.[1];
    if (subject && !received.has(subject)) received.set(subject, at);
  });
  try {
    const http = client(product, 16);
    await http.post('/webhook_endpoints', { url: receiver.url, events: ['task.created'] });
    if (hole !== null) await http.post('/webhook_endpoints', { url: hole, events: ['task.created'] });
    const sent = new Map();
    const create = async () => {
      const at = performance.now();
      const text = await http.post('/tasks', { title: 'Measure the glass partitions' });
      sent.set(/"id":"(tsk_\w+)"/.exec(text)[1], at);
    };
    await openLoop({ perSecond: PER_SECOND, seconds: 10, work: create });
    sent.clear();
    await openLoop({ perSecond: PER_SECOND, seconds, work: create });
    const giveUpAt = performance.now() + 30_000;
    while ([...sent.keys()].some((id) => !received.has(id)) && performance.now() < giveUpAt)
      await new Promise((done) => setTimeout(done, 20));
    await http.close();
    const latencies = [...sent].map(([id, at]) => (received.get(id) ?? Infinity) - at).sort((a, b) => a - b);
    return { p50: percentile(latencies, 50), p99: percentile(latencies, 99) };
  } finally {
    await receiver.close();
    await product.stop();
  }
}
