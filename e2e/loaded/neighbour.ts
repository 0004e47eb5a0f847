import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import type { Organization, Product } from '../support/product';
import { Receiver } from '../support/receiver';
import { ImpatientClient, StoryEnded, type Resource } from './impatient-client';

const EVERY_MS = 200;

/** Milliseconds, of each thing that was done. */
export interface Times {
  reads: number[];
  writes: number[];
  webhooks: number[];
}

/** A second organization, which does five things a second: it writes, reads at once what it wrote, and is told of it by webhook. */
export class Neighbour {
  readonly client: ImpatientClient;
  private readonly written = new Map<string, number>();
  private turn = 0;

  private constructor(
    private readonly api: Api,
    private readonly receiver: Receiver,
  ) {
    this.client = new ImpatientClient(api);
  }

  static async moveIn(product: Product): Promise<Neighbour> {
    const made = await product.works('organizations', 'create', 'Neighbour', '--json');
    const api = new Api(product.url, (JSON.parse(made) as Organization).live_key);
    const receiver = await Receiver.listen();
    const endpoint = await api.post('/webhook_endpoints', { url: receiver.url, events: ['task.created'] });
    receiver.secret = endpoint.body['secret'] as string;
    return new Neighbour(api, receiver);
  }

  /** Begins each thing at its time, however long those before it take: whoever waits for an answer before asking again does not feel the worst of it. */
  async live(seconds: number): Promise<Times> {
    const times: Times = { reads: [], writes: [], webhooks: [] };
    const beganAt = performance.now();
    const under: Promise<void>[] = [];
    const since = new Set<string>();
    for (let thing = 0; thing < (seconds * 1_000) / EVERY_MS; thing++) {
      await delay(Math.max(0, beganAt + thing * EVERY_MS - performance.now()));
      under.push(this.doOne(times, since));
    }
    await Promise.all(under);
    await eventually(() => {
      const missing = [...since].filter((id) => !this.arrivals().has(id));
      if (missing.length > 0) throw new Error(`${missing.length} webhooks have not arrived`);
    });
    const arrivals = this.arrivals();
    for (const id of since) times.webhooks.push(arrivals.get(id)! - this.written.get(id)!);
    return times;
  }

  /** Of what has been written, what was never told; of what was told, how much twice. */
  async webhooks(): Promise<{ written: number; arrived: number; forged: number }> {
    await eventually(() => {
      if (this.arrivals().size < this.written.size) throw new Error(`${this.arrivals().size} of ${this.written.size} arrived`);
    });
    return { written: this.written.size, arrived: this.receiver.ids().size, forged: this.receiver.forged.length };
  }

  async moveOut(): Promise<void> {
    await this.receiver.close();
  }

  private async doOne(times: Times, since: Set<string>): Promise<void> {
    const sentAt = performance.now();
    const assignee_id = newId('usr');
    try {
      const { body } = await this.client.write('/tasks', { title: 'Call the client', assignee_id });
      const id = body['id'] as string;
      times.writes.push(performance.now() - sentAt);
      this.written.set(id, sentAt);
      since.add(id);
      const readAt = performance.now();
      await this.readBack(id, assignee_id);
      times.reads.push(performance.now() - readAt);
    } catch (error) {
      if (!(error instanceof StoryEnded)) throw error;
    }
  }

  private readBack(id: string, assigneeId: string): Promise<void> {
    const has = ({ data }: Resource) => ((data as Resource[]).some((row) => row['id'] === id) ? null : 'the task is missing');
    const reads = [
      () => this.client.read(`/tasks/${id}`, () => null),
      () => this.client.read('/tasks?limit=20', has),
      () => this.client.read(`/users/${assigneeId}/queue`, ({ no_date }) => has({ data: no_date as Resource[] })),
      () =>
        this.client.read(`/events?subject=${id}&type=task.created`, ({ data }) =>
          (data as Resource[]).length === 1 ? null : 'the event is missing',
        ),
    ];
    return reads[this.turn++ % reads.length]!();
  }

  private arrivals(): Map<string, number> {
    const arrivals = new Map<string, number>();
    for (const { event, at } of this.receiver.received) if (!arrivals.has(event.subject)) arrivals.set(event.subject, at);
    return arrivals;
  }
}

/** By nearest rank. */
export const percentile = (times: readonly number[], percent: number): number =>
  [...times].sort((a, b) => a - b)[Math.ceil((times.length * percent) / 100) - 1] ?? NaN;
