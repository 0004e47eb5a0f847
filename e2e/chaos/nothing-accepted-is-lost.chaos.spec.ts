import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product, type Log } from '../support/product';
import { Receiver } from '../support/receiver';
import { seeded } from '../support/seeded';
import { killAtRandom, type Victim } from './random-kills';
import { TASKS_OF_TEMPLATE, Traffic } from './traffic';

const EVENTS = Number(process.env['CHAOS_EVENTS'] ?? 2_000);
const KILLS = Number(process.env['CHAOS_KILLS'] ?? 8);
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const LOGS = (process.env['CHAOS_LOG'] ? [process.env['CHAOS_LOG']] : ['embedded', 'kafka']) as Log[];
const CLIENTS = 8;
const IN_FLIGHT_MAX = 16;
/** Ends a run that hangs: a busy machine takes a tenth of it for a thousand events. */
const MS_PER_THOUSAND = 600_000;

/**
 * Eight clients work and repeat what is not answered, while processes die at random moments. `npm run chaos -- --events N --kills K --seed S`
 * does it for longer; a failure is repeated with the seed that the test prints.
 */
describe.each(LOGS)('whatever is killed, nothing accepted is lost (%s log)', (log) => {
  let product: Product;
  let receiver: Receiver;
  let api: Api;
  let endpointId: string;

  beforeAll(async () => {
    [product, receiver] = await Promise.all([Product.start(log), Receiver.listen()]);
    api = new Api(product.url, product.organizations[0]!.live_key);
    const endpoint = await api.post('/webhook_endpoints', { url: receiver.url, max_in_flight: IN_FLIGHT_MAX });
    receiver.secret = endpoint.body['secret'] as string;
    endpointId = endpoint.body['id'] as string;
  });

  afterAll(async () => {
    await receiver.close();
    await product.stop();
  });

  it(
    `${EVENTS} events through ${KILLS} kills, seed ${SEED}`,
    async () => {
      const startedAt = performance.now();
      const traffic = new Traffic(api, EVENTS);
      const kills = killAtRandom(product, KILLS, seeded(SEED), () => traffic.events / EVENTS);
      await traffic.run(CLIENTS);
      const answeredAt = performance.now();
      const killed = await kills;
      await product.ready();

      // Every event that an answer has promised arrives.
      await eventually(() => expect(receiver.ids().size).toBe(traffic.events)).catch(async () => {
        throw new Error(`Not everything arrived:\n${await whatIsMissing(traffic)}`);
      });
      const arrivedAt = performance.now();

      // Every accepted project and task is there, once, and so is each task of a project.
      expect((await api.all('/projects')).map((project) => project['id'] as string).sort()).toEqual([...traffic.projects].sort());
      const { alone, ofProjects } = await tasks();
      expect(alone.sort()).toEqual([...traffic.tasks].sort());
      expect(ofProjects).toEqual(new Map(traffic.projects.map((id) => [id, TASKS_OF_TEMPLATE])));

      // The log has exactly those events, without a gap, and the receiver got exactly what the log has, under numbers without a gap.
      const events = await api.all('/events');
      const upTo = events.map((_, index) => index + 1);
      expect(events).toHaveLength(traffic.events);
      expect(events.map((event) => event['position'])).toEqual(upTo);
      expect(receiver.ids()).toEqual(new Set(events.map((event) => event['id'] as string)));
      const sequences = new Set(receiver.received.map(({ headers }) => Number(headers['webhook-sequence'])));
      expect([...sequences].sort((a, b) => a - b)).toEqual(upTo);
      expect(receiver.forged).toEqual([]);

      // What was sent and not recorded when its worker died is sent again, and nothing else.
      const repeated = receiver.received.length - events.length;
      const inFlightMax = IN_FLIGHT_MAX * killed.filter((victim) => victim === 'webhooks').length;
      report(traffic, killed, { answeredMs: answeredAt - startedAt, arrivedMs: arrivedAt - answeredAt, repeated, inFlightMax });
      expect(repeated).toBeLessThanOrEqual(inFlightMax);
    },
    (1 + EVENTS / 1_000) * MS_PER_THOUSAND,
  );

  /** The report of a failure: where on its way an event stands that has not arrived. */
  async function whatIsMissing({ events: promised, tasks: ids }: Traffic): Promise<string> {
    const events = await api.all('/events');
    const deliveries = await api.all(`/webhook_endpoints/${endpointId}/deliveries?status=pending`);
    const typesOf = (id: string) => events.filter(({ subject }) => subject === id).map(({ type }) => type as string);
    const untold = await Promise.all(
      ids
        .filter((id) => typesOf(id).length < 3)
        .map(async (id) => `${id} told ${typesOf(id).join(', ') || 'nothing'}, and is ${(await api.get(`/tasks/${id}`)).text}`),
    );
    return [
      `promised ${promised}, in the log ${events.length}, received ${receiver.ids().size}`,
      ...untold,
      ...deliveries.slice(0, 20).map((delivery) => JSON.stringify(delivery)),
      await product.works('status'),
      ...product.errors(),
    ].join('\n');
  }

  async function tasks(): Promise<{ alone: string[]; ofProjects: Map<string, number> }> {
    const alone: string[] = [];
    const ofProjects = new Map<string, number>();
    for (const task of await api.all('/tasks')) {
      const project = task['project_id'] as string | null;
      if (project === null) alone.push(task['id'] as string);
      else ofProjects.set(project, (ofProjects.get(project) ?? 0) + 1);
    }
    return { alone, ofProjects };
  }

  function report(
    traffic: Traffic,
    killed: readonly Victim[],
    { answeredMs, arrivedMs, repeated, inFlightMax }: { answeredMs: number; arrivedMs: number; repeated: number; inFlightMax: number },
  ): void {
    const times = [...new Set(killed)].map((victim) => `${victim} ${killed.filter((other) => other === victim).length}`);
    process.stderr.write(`
Chaos on the ${log} log, seed ${SEED}
  killed      ${killed.length} times: ${times.join(', ')}
  accepted    ${traffic.projects.length} projects from a template and ${traffic.tasks.length} tasks, by ${CLIENTS} clients in ${seconds(answeredMs)}; ${traffic.replayed} answers had outlived their process
  committed   ${traffic.events} events, positions 1 to ${traffic.events} without a gap
  received    ${traffic.events} of ${traffic.events}, the last ${seconds(arrivedMs)} after the last answer; ${repeated} repeated, at most ${inFlightMax} can have been in flight
`);
  }
});

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
