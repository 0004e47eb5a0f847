// From the moment a request is sent until its webhook is received, one endpoint, at a rate that is quiet and at one that is not.
import { ms, percentile, webhookLatencies } from './support.mjs';

const RATES = [50, 200];

export const title = 'request sent to webhook received, 50 and 200 events per second';
export const least = 'p95 at most 10 ms and 15 ms on the embedded log, 18 ms and 25 ms on Kafka';

export async function measure({ seconds = 30 } = {}) {
  const figures = [];
  for (const kafka of [false, true]) {
    for (const perSecond of RATES)
      figures.push(`${kafka ? 'Kafka' : 'embedded'} at ${perSecond}/s ${await measureOn({ kafka, seconds, perSecond })}`);
  }
  return { figure: figures.join('; '), details: `${seconds} s each` };
}

/** A process that has just started spends its first thousands of requests on compiling itself; this is not about those. */
async function measureOn(options) {
  const latencies = await webhookLatencies({ ...options, warmUpPerSecond: 400, warmUpSeconds: 10 });
  return `p50 ${ms(percentile(latencies, 50))}, p95 ${ms(percentile(latencies, 95))}, p99 ${ms(percentile(latencies, 99))}`;
}
