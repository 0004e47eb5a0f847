// From the moment a request is sent until its webhook is received, one endpoint, 50 events per second.
import { ms, percentile, webhookLatencies } from './support.mjs';

export const title = 'request sent to webhook received, 50 events per second';
export const least = 'p95 at most 15 ms on the embedded log, 25 ms on Kafka';

export async function measure({ seconds = 30 } = {}) {
  const figures = [];
  for (const kafka of [false, true]) figures.push(`${kafka ? 'Kafka' : 'embedded'} ${await measureOn({ kafka, seconds, perSecond: 50 })}`);
  return { figure: figures.join('; '), details: `${seconds} s each` };
}

async function measureOn(options) {
  const latencies = await webhookLatencies({ ...options, warmUpSeconds: 5 });
  return `p50 ${ms(percentile(latencies, 50))}, p95 ${ms(percentile(latencies, 95))}, p99 ${ms(percentile(latencies, 99))}`;
}
