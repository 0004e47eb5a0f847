// What each service weighs while it has nothing to do.
import { setTimeout as delay } from 'node:timers/promises';
import { startProduct } from './support.mjs';

export const title = 'resident memory of each idle service';
export const least = 'at most 130 MB each';

export async function measure() {
  const product = await startProduct();
  try {
    await delay(15_000);
    const services = product.processes();
    return {
      figure: services.map(({ service, residentMb }) => `${service} ${residentMb.toFixed(0)} MB`).join(', '),
      details: '15 s after start',
    };
  } finally {
    await product.stop();
  }
}
