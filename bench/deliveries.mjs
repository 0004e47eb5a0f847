// Events offered at a fixed rate to one fast receiver: delivered as fast as they come, with no backlog at the end.
import { client, ms, openLoop, percentile, startProduct, startReceiver, until } from './support.mjs';

const PER_SECOND = 800;
/** What an endpoint may ask for whose receiver is fast; the default of 4 is for those that nobody knows anything of. */
const IN_FLIGHT = 64;

export const title = `deliveries to one fast receiver, ${PER_SECOND} per second`;
export const least = `${PER_SECOND} per second, steady for 2 minutes`;

export async function measure({ seconds = 120 } = {}) {
  const product = await startProduct();
  const received = new Map();
  const receiver = await startReceiver(({ id, at }) => received.set(id, at));
  try {
    const http = client(product, 64);
    await http.post('/webhook_endpoints', { url: receiver.url, events: ['task.created'], max_in_flight: IN_FLIGHT });
    // A process that has just started spends its first seconds on compiling itself.
    await openLoop({ perSecond: PER_SECOND / 2, seconds: 15, work: () => http.post('/tasks', { title: 'Warm up' }) });
    await until(() => received.size >= (PER_SECOND / 2) * 15, { withinSeconds: 120 });
    received.clear();
    const startedAt = performance.now();
    let sent = 0;
    const behind = [];
    await openLoop({
      perSecond: PER_SECOND,
      seconds,
      work: async (index) => {
        await http.post('/tasks', { title: 'Deliver' });
        sent++;
        if (index % PER_SECOND === 0) behind.push(sent - received.size);
      },
    });
    const acceptedAt = performance.now();
    const inTime = received.size;
    await until(() => received.size >= sent, { withinSeconds: 120 });
    const drainedMs = Math.max(0, Math.max(...received.values()) - acceptedAt);
    await http.close();
    behind.sort((a, b) => a - b);
    return {
      figure: `${(inTime / ((acceptedAt - startedAt) / 1_000)).toFixed(0)}/s for ${seconds} s, ${received.size} of ${sent} delivered`,
      details: `under way p50 ${percentile(behind, 50)}, p99 ${percentile(behind, 99)} events; drained ${ms(drainedMs)} after the last answer`,
    };
  } finally {
    await receiver.close();
    await product.stop();
  }
}
