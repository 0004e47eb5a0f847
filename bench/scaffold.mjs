// POST /projects with fitout_v2 at a fixed rate: every answer in time, every scaffold made soon after its answer.
import { anId, client, ms, openLoop, percentile, startProduct, startReceiver } from './support.mjs';

const PER_SECOND = 40;
const TASKS = 24;

export const title = `POST /projects with fitout_v2, ${PER_SECOND} per second`;
export const least = 'kept for 60 s, every scaffold within 1 s of its answer';

export async function measure({ seconds = 60 } = {}) {
  const product = await startProduct();
  const answered = new Map();
  const tasksMade = new Map();
  const scaffolded = [];
  const receiver = await startReceiver(({ at, body }) => {
    // Cheap on purpose: the load shares two cores with the product. Only task.assigned matters here.
    const text = body.toString();
    if (!text.includes('"type":"task.assigned"')) return;
    const project = /"project_id":"(prj_\w+)"/.exec(text)[1];
    const made = (tasksMade.get(project) ?? 0) + 1;
    tasksMade.set(project, made);
    if (made === TASKS) scaffolded.push({ project, at });
  });
  try {
    const http = client(product, 64);
    await http.post('/webhook_endpoints', { url: receiver.url, events: ['task.assigned'] });
    const latencies = [];
    await openLoop({
      perSecond: PER_SECOND,
      seconds,
      work: async () => {
        const at = performance.now();
        const text = await http.post('/projects', { name: 'Site fit-out', owner_id: anId('usr'), template: 'fitout_v2' });
        latencies.push(performance.now() - at);
        answered.set(/"id":"(prj_\w+)"/.exec(text)[1], performance.now());
      },
    });
    const giveUpAt = performance.now() + 120_000;
    while (scaffolded.length < answered.size && performance.now() < giveUpAt) await new Promise((done) => setTimeout(done, 50));
    await http.close();
    const lateness = scaffolded.map(({ project, at }) => at - answered.get(project)).sort((a, b) => a - b);
    latencies.sort((a, b) => a - b);
    return {
      figure: `${(answered.size / seconds).toFixed(1)}/s, scaffolds ${scaffolded.length} of ${answered.size}, slowest ${ms(lateness.at(-1) ?? NaN)}`,
      details: `answer p50 ${ms(percentile(latencies, 50))}, p99 ${ms(percentile(latencies, 99))}; last task at the receiver p50 ${ms(percentile(lateness, 50))}, p99 ${ms(percentile(lateness, 99))} after the answer`,
    };
  } finally {
    await receiver.close();
    await product.stop();
  }
}
