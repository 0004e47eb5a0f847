import type { Client } from 'pg';
import { eventually } from '@works/platform/testing';
import { liveThrough } from '../loaded/project-story';
import { Api } from '../support/api';
import { Product } from '../support/product';
import { Stores } from '../support/stores';

/** "rela" in ASCII: whoever holds this lock of a database publishes its facts. */
const RELAY_LOCK = 0x72656c61;

/** Takes the lead from the relay of a service, so that nothing of it reaches the event log until the connection is closed. */
async function holdRelay(home: string, service: string): Promise<Client> {
  const client = await new Stores(home).connect(service);
  await eventually(async () => {
    await client.query(
      `select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.locktype = 'advisory' and l.objid = $1 and l.pid <> pg_backend_pid()`,
      [RELAY_LOCK],
    );
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [RELAY_LOCK]);
    if (!rows[0]!.held) throw new Error(`the relay of ${service} still leads`);
  });
  return client;
}

// Guarantees that nobody waits for what others have in the event log, or for the log itself, to read what he wrote.
describe('while no relay publishes anything', () => {
  let product: Product;
  const held: Client[] = [];

  beforeAll(async () => {
    product = await Product.start();
    for (const service of ['projects', 'tasks']) held.push(await holdRelay(product.home, service));
  });
  afterAll(async () => {
    await Promise.all(held.map((client) => client.end()));
    await product.stop();
  });

  it('a client is refused nothing, and finds what it wrote wherever that can be read', async () => {
    const api = new Api(product.url, product.organizations[0]!.live_key);
    const { writes, violations } = await liveThrough(api, { projects: 2, inFlight: 2 });
    expect(violations).toEqual([]);
    expect(writes).toBe(2 * 27);
    for (const client of held) {
      const { rows } = await client.query<{ waiting: boolean }>('select exists (select from outbox) as waiting');
      expect(rows).toEqual([{ waiting: true }]);
    }
  });
});
