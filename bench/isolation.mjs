// A healthy endpoint at 50 events per second, alone, and then beside one that never answers and gets the same events.
import { createServer } from 'node:http';
import { ms, percentile, webhookLatencies } from './support.mjs';

const PER_SECOND = 50;

export const title = `request sent to webhook received, ${PER_SECOND} per second, beside a black hole`;
export const least = 'p99 at most 2 times without it';

export async function measure({ seconds = 30 } = {}) {
  const alone = await run({ seconds, beside: [] });
  const hole = createServer(() => undefined);
  await new Promise((done) => hole.listen(0, '127.0.0.1', done));
  try {
    const beside = await run({ seconds, beside: [`http://127.0.0.1:${hole.address().port}/`] });
    return {
      figure: `${(beside.p99 / alone.p99).toFixed(2)} times`,
      details: `p50 ${ms(beside.p50)}, p99 ${ms(beside.p99)} against ${ms(alone.p50)}, ${ms(alone.p99)}`,
    };
  } finally {
    hole.closeAllConnections();
    hole.close();
  }
}

async function run({ seconds, beside }) {
  const latencies = await webhookLatencies({ seconds, warmUpSeconds: 10, perSecond: PER_SECOND, beside });
  return { p50: percentile(latencies, 50), p99: percentile(latencies, 99) };
}
