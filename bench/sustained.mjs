// 1,000 events a second, from the log to the receiver. They are published as a relay does, twenty at a time: with the requests and services before it
// the whole path does not fit on two cores.
import { aTaskEvent, client, ms, openLoop, percentile, publisher, startProduct, startReceiver, until } from './support.mjs';

const PER_SECOND = 1_000;
const PER_PUBLISH = 20;
const WARM_UP_SECONDS = 5;

export const title = `sustained ${PER_SECOND.toLocaleString('en')} events per second to one endpoint, from the log on`;
export const least = 'backlog flat for 10 minutes (`--seconds 600`), p99 at most 100 ms, worker at most 200 MB';

export async function measure({ seconds = 45 } = {}) {
  const product = await startProduct();
  const published = new Map();
  let latencies = [];
  const receiver = await startReceiver(({ id, at }) => {
    if (published.has(id)) latencies.push(at - published.get(id));
    published.delete(id);
  });
  try {
    const http = client(product, 1);
    await http.post('/webhook_endpoints', { url: receiver.url, events: ['task.created'] });
    await http.close();
    const log = await publisher(product);
    const publish = (count) => {
      const messages = Array.from({ length: count }, () => aTaskEvent(product.organization, 'x'.repeat(700)));
      for (const { headers } of messages) published.set(headers.ce_id, performance.now());
      return log.publish(messages);
    };
    const backlogs = [];
    const everySeconds = Math.min(10, seconds / 4);
    const load = (forSeconds) =>
      openLoop({
        perSecond: PER_SECOND / PER_PUBLISH,
        seconds: forSeconds,
        work: (index) => {
          if (index > 0 && index % (everySeconds * (PER_SECOND / PER_PUBLISH)) === 0) backlogs.push(published.size);
          return publish(PER_PUBLISH);
        },
      });
    await load(WARM_UP_SECONDS);
    [latencies, backlogs.length] = [[], 0];
    await load(seconds);
    const { residentMb } = product.processes().find(({ service }) => service === 'webhooks');
    await until(() => published.size === 0, { withinSeconds: 120 });
    await log.close();
    latencies.sort((a, b) => a - b);
    return {
      figure: `p99 ${ms(percentile(latencies, 99))}, worker ${residentMb.toFixed(0)} MB, ${published.size} never received`,
      details: `${seconds} s; p50 ${ms(percentile(latencies, 50))}, p95 ${ms(percentile(latencies, 95))}; on their way every ${everySeconds} s: ${backlogs.join(', ')}`,
    };
  } finally {
    await receiver.close();
    await product.stop();
  }
}
