import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@works/platform/testing';
import { newId } from '@works/platform/ids';
import { Api } from '../support/api';
import { Product, type Log, type Service } from '../support/product';
import { Receiver } from '../support/receiver';
import { seeded } from '../support/seeded';

const PROJECTS = Number(process.env['CHAOS_PROJECTS'] ?? 500);
const CLIENTS = 8;
const SERVICES: readonly Service[] = ['gateway', 'projects', 'tasks', 'webhooks'];
/** Kills are spread over the projects, so that a fast machine sees as many as a slow one; restarts overlap with further kills on purpose. */
const KILLS = 12;
const LOOK_EVERY_MS = 20;
const TASKS_OF_TEMPLATE = 24;

/**
 * Eight clients create projects and retry with their key while processes die at random moments. A failure is repeated with
 * CHAOS_SEED=<seed>, which the test prints.
 */
describe.each<Log>(['embedded', 'kafka'])('whatever is killed, nothing accepted is lost (%s log)', (log) => {
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
  let product: Product;
  let receiver: Receiver;
  let api: Api;
  let endpointId: string;

  beforeAll(async () => {
    [product, receiver] = await Promise.all([Product.start(log), Receiver.listen()]);
    api = new Api(product.url, product.organizations[0]!.live_key);
    const endpoint = await api.post('/webhook_endpoints', { url: receiver.url });
    receiver.secret = endpoint.body['secret'] as string;
    endpointId = endpoint.body['id'] as string;
  }, 90_000);

  afterAll(async () => {
    await receiver.close();
    await product.stop();
  }, 30_000);

  it(`creates ${PROJECTS} projects through kills, seed ${seed}`, async () => {
    const random = seeded(seed);
    const accepted: string[] = [];
    let toCreate = PROJECTS;
    const client = async () => {
      while (toCreate-- > 0) {
        const reply = await api.insist(
          'POST',
          '/projects',
          { name: 'Site fit-out', owner_id: newId('usr'), template: 'fitout_v2' },
          90_000,
        );
        expect(reply.status).toBe(201);
        accepted.push(reply.body['id'] as string);
      }
    };
    let working = true;
    const clients = Promise.all(Array.from({ length: CLIENTS }, client)).finally(() => (working = false));
    const kills = killAtRandom(random, () => (working ? accepted.length : null));
    await clients;
    const killed = await kills;
    await product.ready();

    // Every accepted project is there, once, and so is each of its tasks.
    const projects = await api.all('/projects');
    expect(new Set(projects.map((project) => project['id'])).size).toBe(projects.length);
    expect(projects.map((project) => project['id']).sort()).toEqual([...accepted].sort());
    await eventually(async () => expect(await scaffolds()).toEqual(new Map(accepted.map((id) => [id, TASKS_OF_TEMPLATE]))), {
      withinMs: 60_000,
    });

    // Every event of the log reached the receiver, and nothing else did.
    const events = await eventually(
      async () => {
        const all = await api.all('/events');
        // project.created, and for each task task.created and task.assigned
        expect(all).toHaveLength(accepted.length * (1 + 2 * TASKS_OF_TEMPLATE));
        return all;
      },
      { withinMs: 60_000 },
    );
    expect(events.map((event) => event['position'])).toEqual(events.map((_, index) => index + 1));
    const known = new Set(events.map((event) => event['id'] as string));
    await eventually(async () => expect(await undelivered(known)).toEqual([]), { withinMs: 120_000 });
    expect([...receiver.ids()].filter((id) => !known.has(id))).toEqual([]);
    expect(receiver.forged).toEqual([]);
    process.stderr.write(
      `${log}: ${accepted.length} projects, ${known.size} events, ${receiver.received.length - known.size} repeated; killed ${killed.join(', ')}\n`,
    );
  }, 600_000);

  /** `progress` says how many projects there are, and null when there will be no more. */
  async function killAtRandom(random: () => number, progress: () => number | null): Promise<string[]> {
    const killed: string[] = [];
    const victims = [...SERVICES, 'postgres', ...(log === 'kafka' ? ['broker'] : [])];
    for (let turn = 0; turn < KILLS; turn++) {
      const at = ((turn + random()) * PROJECTS) / (KILLS + 1);
      while ((progress() ?? Infinity) < at) await delay(LOOK_EVERY_MS);
      if (progress() === null) break;
      // Each victim has its turn before chance decides, so that no run spares one.
      const victim = victims[turn < victims.length ? turn : Math.floor(random() * victims.length)]!;
      if (victim === 'postgres') product.killPostgres();
      else if (victim === 'broker') product.killBroker();
      else product.kill(victim as Service);
      killed.push(victim);
    }
    return killed;
  }

  /** Events that have not arrived, each with what its delivery says of itself: the report of a failure. */
  async function undelivered(known: Set<string>): Promise<unknown[]> {
    const arrived = receiver.ids();
    const missing = [...known].filter((id) => !arrived.has(id));
    if (missing.length === 0 || missing.length > 20) return missing;
    const pending = await api.all(`/webhook_endpoints/${endpointId}/deliveries`);
    const theirs = pending.filter((delivery) => missing.includes(delivery['event_id'] as string));
    return Promise.all(theirs.map(async (delivery) => (await api.get(`/deliveries/${delivery['id'] as string}`)).body));
  }

  async function scaffolds(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const task of await api.all('/tasks')) {
      const project = task['project_id'] as string;
      counts.set(project, (counts.get(project) ?? 0) + 1);
    }
    return counts;
  }
});
