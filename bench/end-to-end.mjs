// From request to receiver as fast as it goes: tasks are created by clients that do not wait for deliveries, one endpoint gets them all, and
// services, log, worker, load and receiver share the machine.
import { client, closedLoop, ms, startProduct, startReceiver, until } from './support.mjs';

const TASKS = 20_000;
const IN_FLIGHT = 64;
const WARM_UP_SECONDS = 10;

export const title = `${TASKS.toLocaleString('en')} \`POST /tasks\`, ${IN_FLIGHT} in flight, one endpoint: deliveries end to end`;
export const least = '1,300 per second';

export async function measure() {
  const product = await startProduct();
  const received = new Map();
  const receiver = await startReceiver(({ id, at }) => received.set(id, at));
  try {
    const http = client(product, IN_FLIGHT);
    await http.post('/webhook_endpoints', { url: receiver.url, events: ['task.created'], max_in_flight: IN_FLIGHT });
    let sent = 0;
    const create = async () => {
      await http.post('/tasks', { title: 'Order the glass partitions' });
      sent++;
    };
    // A process that has just started spends its first seconds on compiling itself.
    await closedLoop({ inFlight: IN_FLIGHT / 2, seconds: WARM_UP_SECONDS, work: create });
    const allReceived = () => until(() => received.size >= sent, { withinSeconds: 120 });
    await allReceived();
    received.clear();
    sent = 0;
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async (_, client) => {
        for (let task = client; task < TASKS; task += IN_FLIGHT) await create();
      }),
    );
    const acceptedAt = performance.now();
    await allReceived();
    const lastAt = Math.max(...received.values());
    await http.close();
    return {
      figure: `${(received.size / ((lastAt - startedAt) / 1_000)).toFixed(0)}/s, ${received.size} of ${sent} delivered`,
      details: `accepted at ${(sent / ((acceptedAt - startedAt) / 1_000)).toFixed(0)}/s, the last delivered ${ms(Math.max(0, lastAt - acceptedAt))} after the last answer`,
    };
  } finally {
    await receiver.close();
    await product.stop();
  }
}
