// POST /projects?dry_run=true with fitout_v2: 5 milestones and 24 tasks planned, nothing written.
import { anId, client, closedLoop, ms, percentile, startProduct } from './support.mjs';

const IN_FLIGHT = 8;

export const title = 'dry run of `fitout_v2`';
export const least = 'p50 at most 15 ms';

export async function measure({ seconds = 10 } = {}) {
  const product = await startProduct();
  try {
    const http = client(product, IN_FLIGHT);
    const plan = () => http.post('/projects?dry_run=true', { name: 'Site fit-out', owner_id: anId('usr'), template: 'fitout_v2' });
    await closedLoop({ inFlight: IN_FLIGHT, seconds: 5, work: plan });
    const alone = await closedLoop({ inFlight: 1, seconds: seconds / 2, work: plan });
    const together = await closedLoop({ inFlight: IN_FLIGHT, seconds: seconds / 2, work: plan });
    await http.close();
    const [one, many] = [alone, together].map(({ latencies }) => ms(percentile(latencies, 50)));
    return {
      figure: `p50 ${one}`,
      details: `p99 ${ms(percentile(alone.latencies, 99))}, 1 at a time; p50 ${many}, ${together.perSecond.toFixed(0)}/s with ${IN_FLIGHT} at a time`,
    };
  } finally {
    await product.stop();
  }
}
