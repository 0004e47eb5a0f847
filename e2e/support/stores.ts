import { get } from 'node:http';
import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedServer } from '@works/platform/postgres';
import { eventually } from '@works/platform/testing';

/** The services that have a store of facts, and a relay that publishes them. */
const STORES = ['projects', 'tasks'] as const;

/** Just below where a position gets another digit as text, another sign in 32 bits, or loses its last digit as a double. */
const BOUNDARIES = [9n, 99n, 999n, 9_999n, 99_999n, 2n ** 31n, 2n ** 32n, 2n ** 53n];

/** A product's databases, as its superuser. */
export class Stores {
  constructor(private readonly home: string) {}

  /** Lets positions, and offsets of the embedded log, begin some thirty before a boundary. Resolves with the boundary. */
  async beginBelow(chance: number): Promise<bigint> {
    const boundary = BOUNDARIES[Math.floor(chance * BOUNDARIES.length)]!;
    const first = boundary > 30n ? boundary - 30n : 1n;
    for (const store of ['projects', 'tasks', 'webhooks'])
      await this.query(store, `alter sequence events_position_seq restart with ${first}`);
    await this.query('log', `alter sequence messages_offset_seq restart with ${first}`);
    return boundary;
  }

  /** What relays have published, against the facts that were to be published: on a quiet run each of them once. */
  async expectPublishedOnce(): Promise<void> {
    for (const store of STORES) {
      await eventually(async () => {
        const [{ waiting }] = await this.query<{ waiting: string }>(store, 'select count(*)::text as waiting from outbox');
        if (waiting !== '0') throw new Error(`${store} has ${waiting} facts to publish`);
      });
      const [{ facts }] = await this.query<{ facts: string }>(
        store,
        'select count(*)::text as facts from events e where e.topic is not null',
      );
      const published = /^works_relay_published_total\S* (\d+)$/m.exec(await this.metrics(store))?.[1];
      if (published !== facts)
        throw new Error(`${store} has published ${published} messages for ${facts} facts, although nothing was killed`);
    }
  }

  async connect(database: string): Promise<Client> {
    const server = await EmbeddedServer.find(join(this.home, 'postgres'));
    const url = new URL(server!.url);
    url.pathname = `/works_${database}`;
    const client = new Client({ connectionString: url.href });
    await client.connect();
    return client;
  }

  private async query<Row extends object>(database: string, text: string): Promise<[Row, ...Row[]]> {
    const client = await this.connect(database);
    return (await client.query<Row>(text).finally(() => client.end())).rows as [Row, ...Row[]];
  }

  private metrics(service: string): Promise<string> {
    return new Promise((done, failed) => {
      const request = get({ socketPath: join(this.home, 'run', `${service}.sock`), path: '/metrics' }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => done(text));
      });
      request.once('error', failed);
    });
  }
}
