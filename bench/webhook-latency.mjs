// From the moment a request is sent until its webhook is received, one endpoint, 50 events per second.
import { client, ms, openLoop, percentile, startProduct, startReceiver } from './support.mjs';

export const title = 'request sent to webhook received, 50 events per second';
export const least = 'p95 at most 15 ms on the embedded log, 25 ms on Kafka';

export async function measure({ seconds = 30 } = {}) {
  const figures = [];
  for (const kafka of [false, true]) figures.push(`${kafka ? 'Kafka' : 'embedded'} ${await measureOn({ kafka, seconds, perSecond: 50 })}`);
  return { figure: figures.join('; '), details: `${seconds} s each` };
}

export async function measureOn({ kafka, seconds, perSecond }) {
  const product = await startProduct({ kafka });
  const received = new Map();
  const receiver = await startReceiver(({ at, body }) => {
    const subject = /"subject":"(tsk_\w+)"/.exec(body.toString())?.[1];
    if (subject && !received.has(subject)) received.set(subject, at);
  });
  try {
    const http = client(product, 16);
    await http.post('/webhook_endpoints', { url: receiver.url, events: ['task.created'] });
    const sent = new Map();
    const create = async () => {
      const at = performance.now();
      const text = await http.post('/tasks', { title: 'Measure the glass partitions' });
      sent.set(/"id":"(tsk_\w+)"/.exec(text)[1], at);
    };
    await openLoop({ perSecond, seconds: 5, work: create });
    sent.clear();
    await openLoop({ perSecond, seconds, work: create });
    const giveUpAt = performance.now() + 30_000;
    while ([...sent.keys()].some((id) => !received.has(id)) && performance.now() < giveUpAt)
      await new Promise((done) => setTimeout(done, 20));
    await http.close();
    const latencies = [...sent].map(([id, at]) => (received.get(id) ?? Infinity) - at).sort((a, b) => a - b);
    return `p50 ${ms(percentile(latencies, 50))}, p95 ${ms(percentile(latencies, 95))}, p99 ${ms(percentile(latencies, 99))}`;
  } finally {
    await receiver.close();
    await product.stop();
  }
}
