import { setTimeout as delay } from 'node:timers/promises';
import type { Product, Service } from '../support/product';

const LOOK_EVERY_MS = 20;
const SERVICES: readonly Service[] = ['gateway', 'projects', 'tasks', 'webhooks'];

export type Victim = Service | 'postgres' | 'broker';

/**
 * SIGKILLs, spread over the progress of the work, so that a fast machine sees as many as a slow one; restarts overlap with further kills on purpose.
 * `progress` says which part of the work is done, from 0 to 1.
 */
export async function killAtRandom(product: Product, kills: number, random: () => number, progress: () => number): Promise<Victim[]> {
  const victims: Victim[] = [...SERVICES, 'postgres', ...(product.log === 'kafka' ? (['broker'] as const) : [])];
  const killed: Victim[] = [];
  for (let turn = 0; turn < kills; turn++) {
    const at = (turn + random()) / (kills + 1);
    while (progress() < at) await delay(LOOK_EVERY_MS);
    // Each victim has its turn before chance decides, so that no run spares one.
    const victim = victims[turn < victims.length ? turn : Math.floor(random() * victims.length)]!;
    if (victim === 'postgres') product.killPostgres();
    else if (victim === 'broker') product.killBroker();
    else product.kill(victim);
    killed.push(victim);
  }
  return killed;
}
