import { aCaller, eventually } from '@works/platform/testing';
import type { ServerResponse } from 'node:http';
import { receiver } from '../webhooks-service.examples';
import { fanOut } from './fan-out';
import { aWorker, deliveryDatabase, newEvents, takingNothing } from './workers.examples';

describe('the places of an endpoint', () => {
  let database: Awaited<ReturnType<typeof deliveryDatabase>>;
  let worker: ReturnType<typeof aWorker>;

  beforeEach(async () => {
    database = await deliveryDatabase();
    worker = aWorker(database.workers, { graceMs: 50 });
    worker.start();
  });
  afterEach(async () => {
    await worker.stop();
    await database.drop();
  });

  /** A receiver that holds every answer back until it is told to go on, and knows the most it ever held. */
  async function holding() {
    const held: ServerResponse[] = [];
    let going = false;
    let most = 0;
    const target = await receiver((_, response) => {
      if (going) return void response.writeHead(200).end();
      held.push(response);
      most = Math.max(most, held.length);
    });
    return {
      ...target,
      most: () => most,
      answerOne: () => held.shift()?.writeHead(200).end(),
      goOn: () => {
        going = true;
        for (const response of held.splice(0)) response.writeHead(200).end();
      },
    };
  }

  // Whoever takes them: a claim of what waits, or the fan-out of what is new; also when both ask at the same moment.
  it('bound what is in flight to it, also while a claim and a fan-out look at the same time', async () => {
    const target = await holding();
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, target.url, { maxInFlight: 3 });
    for (let round = 0; round < 6; round++) {
      await fanOut(database.workers, newEvents(caller, 5), takingNothing());
      worker.wake();
      await Promise.all([worker.fanOut(newEvents(caller, 5)), worker.fanOut(newEvents(caller, 5))]);
      target.answerOne();
    }
    await eventually(() => expect(target.most()).toBeGreaterThanOrEqual(3));
    expect(target.most()).toBe(3);
    target.goOn();
    await eventually(async () => expect((await database.deliveries(endpoint)).every(({ status }) => status === 'delivered')).toBe(true));
    expect(new Set(target.arrivals.map(({ headers }) => headers['webhook-id'])).size).toBe(90);
    expect(target.arrivals).toHaveLength(90);
    await target.close();
  });

  // Nobody looks around for work: the end of one attempt is what begins the next.
  it('are taken again the moment one is free', async () => {
    const target = await receiver((_, response) => void setTimeout(() => response.writeHead(200).end(), 30));
    const caller = aCaller();
    await database.endpoint(caller, target.url, { maxInFlight: 1 });
    worker.start();
    await worker.fanOut(newEvents(caller, 8));
    await eventually(() => expect(target.arrivals).toHaveLength(8));
    const gaps = target.arrivals.slice(1).map(({ at }, index) => at - target.arrivals[index]!.at);
    // Whoever looked around would find the next one once a second: then most gaps would be as long as that.
    expect(gaps.sort((a, b) => a - b)[3]).toBeLessThan(500);
    await target.close();
  });

  // Every place of the dead ones is taken, and their retries pile up; the healthy one must not feel it.
  it('are its own: dead and silent endpoints of the same tenant and of others delay nobody', async () => {
    const healthy = await receiver();
    const silent = await receiver(() => undefined);
    const closed = await receiver();
    await closed.close();
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, healthy.url);
    const held: string[] = [];
    for (let dead = 0; dead < 5; dead++) {
      held.push(await database.endpoint(caller, silent.url));
      await database.endpoint(caller, closed.url);
    }
    worker.start();
    await worker.fanOut(newEvents(caller, 40));
    await eventually(async () => expect((await database.deliveries(endpoint)).every(({ status }) => status === 'delivered')).toBe(true));
    // New events find the way free while all the others are held up.
    for (let event = 0; event < 5; event++) {
      const before = healthy.arrivals.length;
      await worker.fanOut(newEvents(caller, 1));
      await eventually(() => expect(healthy.arrivals.length).toBe(before + 1));
      // No attempt at a silent one had to end for that.
      for (const each of held) expect(await database.attempts(each)).toEqual([]);
    }
    await Promise.all([healthy.close(), silent.close()]);
  });

  it('are filled in the order of the sequence when an endpoint comes back', async () => {
    const target = await receiver();
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, target.url, { status: 'disabled', maxInFlight: 1 });
    worker.start();
    await worker.fanOut(newEvents(caller, 20));
    expect((await database.deliveries(endpoint)).map(({ status }) => status)).toEqual(Array(20).fill('pending'));
    expect(target.arrivals).toEqual([]);
    await database.owner.query(`update webhook_endpoints set status = 'enabled', disabled_reason = null where id = $1`, [endpoint]);
    worker.wake();
    await eventually(() => expect(target.arrivals).toHaveLength(20));
    expect(target.arrivals.map(({ headers }) => Number(headers['webhook-sequence']))).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    await target.close();
  });
});
