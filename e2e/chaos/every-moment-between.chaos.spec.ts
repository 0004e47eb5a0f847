import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAULT_POINTS, type FaultPoint } from '@works/platform/fault-points';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product, type Log, type Service } from '../support/product';
import { Receiver } from '../support/receiver';
import type { Reply } from '../support/reply';

const TASKS_AT_ONCE = 8;
/** Fewer than come at once, so that some of them wait for a place. */
const IN_FLIGHT_MAX = 4;
/** Long enough for deliveries to gather behind those in flight. */
const ANSWER_AFTER_MS = 50;

interface Moment {
  service: Service;
  point: FaultPoint;
}

const EVERY_MOMENT: Record<FaultPoint, Service> = {
  'key-claimed': 'gateway',
  'mutation-committed': 'tasks',
  'relay-published': 'tasks',
  'reaction-committed': 'webhooks',
  'deliveries-claimed': 'webhooks',
  'place-handed-over': 'webhooks',
  'webhook-sent': 'webhooks',
  'webhook-answered': 'webhooks',
  'attempt-recorded': 'webhooks',
};

const MOMENTS: Record<Log, Moment[]> = {
  embedded: FAULT_POINTS.map((point) => ({ point, service: EVERY_MOMENT[point] })),
  // What a log has a part in.
  kafka: [
    { point: 'relay-published', service: 'tasks' },
    { point: 'reaction-committed', service: 'webhooks' },
  ],
};

/** One running product, and what was accepted before each of its deaths. */
class Stage {
  readonly accepted = new Map<Moment, Reply[]>();

  private constructor(
    readonly product: Product,
    readonly receiver: Receiver,
    readonly api: Api,
    private readonly endpointId: string,
    private readonly armory: string,
  ) {}

  static async set(log: Log): Promise<Stage> {
    const armory = mkdtempSync(join(tmpdir(), 'works-faults-'));
    const [product, receiver] = await Promise.all([Product.start(log, { WORKS_FAULT_POINTS: armory }), Receiver.listen()]);
    receiver.answerAfterMs = ANSWER_AFTER_MS;
    const api = new Api(product.url, product.organizations[0]!.live_key);
    const endpoint = await api.post('/webhook_endpoints', { url: receiver.url, max_in_flight: IN_FLIGHT_MAX });
    receiver.secret = endpoint.body['secret'] as string;
    return new Stage(product, receiver, api, endpoint.body['id'] as string, armory);
  }

  /** Says whether the moment is still to come. */
  arm({ service, point }: Moment): () => boolean {
    const file = join(this.armory, `${service}.${point}`);
    writeFileSync(file, '');
    return () => existsSync(file);
  }

  /** Of the events about these tasks the ids, as often as they came. */
  arrivedOf(tasks: Reply[]): string[] {
    const subjects = new Set(idsOf(tasks));
    return this.receiver.received.filter(({ event }) => subjects.has(event.subject)).map(({ id }) => id);
  }

  pending(): Promise<unknown[]> {
    return this.api.all(`/webhook_endpoints/${this.endpointId}/deliveries?status=pending`);
  }

  /** Repeated until it is answered: what it sets going may end the process that should answer. */
  async turn(to: 'enable' | 'disable'): Promise<void> {
    const { status } = await this.api.insist('POST', `/webhook_endpoints/${this.endpointId}/${to}`);
    expect(status).toBe(200);
  }

  async clear(): Promise<void> {
    await this.receiver.close();
    await this.product.stop();
    rmSync(this.armory, { recursive: true });
  }
}

/**
 * A process dies by SIGKILL exactly between two steps, while eight clients create a task each and insist on an answer. All moments of one log
 * happen in one product, one after the other.
 */
describe('a process that dies between two steps loses nothing', () => {
  const stages = new Map<Log, Stage>();
  const moments = (['embedded', 'kafka'] as const).flatMap((log) => MOMENTS[log].map((moment) => ({ log, ...moment, moment })));

  beforeAll(async () => {
    await Promise.all((['embedded', 'kafka'] as const).map(async (log) => stages.set(log, await Stage.set(log))));
  });

  afterAll(async () => {
    await Promise.all([...stages.values()].map((stage) => stage.clear()));
  });

  it.each(moments)(
    '$service dies at $point: every client gets its answer, every event arrives, twice at most what was in flight ($log log)',
    async ({ log, moment }) => {
      const stage = stages.get(log)!;
      const { product, api, accepted } = stage;
      const [victim] = product.pidsOf(moment.service);
      const isToCome = stage.arm(moment);
      // What happens while nothing is sent has to be claimed afterwards.
      const collects = moment.point === 'deliveries-claimed';
      if (collects) await stage.turn('disable');
      const replies = await Promise.all(
        Array.from({ length: TASKS_AT_ONCE }, () => api.insist('POST', '/tasks', { title: `until ${moment.point}` })),
      );
      if (collects) {
        await eventually(async () => expect(await stage.pending()).toHaveLength(TASKS_AT_ONCE));
        await stage.turn('enable');
      }
      expect(replies.map(({ status }) => status)).toEqual(Array(TASKS_AT_ONCE).fill(201));
      accepted.set(moment, replies);
      await eventually(() => expect(isToCome()).toBe(false));
      await eventually(() => expect(product.pidsOf(moment.service)).not.toEqual([victim]));
      await product.ready();
      // Whoever had committed without saying so says it now, instead of doing it again.
      const replayed = replies.filter(({ headers }) => headers.get('idempotent-replayed') === 'true').length;
      if (moment.point === 'mutation-committed') expect(replayed).toBeGreaterThan(0);
      // A gateway takes the answers of those that it had sent on with it.
      if (moment.service === 'webhooks') expect(replayed).toBe(0);

      const arrived = () => stage.arrivedOf(replies);
      await eventually(() => expect(new Set(arrived()).size).toBe(TASKS_AT_ONCE));
      // The next death must not find any of these in flight.
      await eventually(async () => expect(await stage.pending()).toEqual([]));
      expect(arrived().length - TASKS_AT_ONCE).toBeLessThanOrEqual(moment.service === 'webhooks' ? IN_FLIGHT_MAX : 0);
    },
  );

  it.each(['embedded', 'kafka'] as const)('every accepted task is there, once (%s log)', async (log) => {
    const { api, accepted } = stages.get(log)!;
    const tasks = (await api.all('/tasks')).map((task) => task['id'] as string);
    expect(tasks.sort()).toEqual([...accepted.values()].flatMap(idsOf).sort());
  });

  it.each(['embedded', 'kafka'] as const)('the sequence has no gap, and nobody got what is not in the log (%s log)', async (log) => {
    const { api, accepted, receiver } = stages.get(log)!;
    const events = await api.all('/events');
    expect(events.map((event) => event['position'])).toEqual(events.map((_, index) => index + 1));
    expect(events).toHaveLength(accepted.size * TASKS_AT_ONCE);
    const sequences = new Set(receiver.received.map(({ headers }) => Number(headers['webhook-sequence'])));
    expect([...sequences].sort((a, b) => a - b)).toEqual(events.map((_, index) => index + 1));
    expect(receiver.ids()).toEqual(new Set(events.map((event) => event['id'] as string)));
    expect(receiver.forged).toEqual([]);
  });
});

const idsOf = (replies: Reply[]): string[] => replies.map(({ body }) => body['id'] as string);
