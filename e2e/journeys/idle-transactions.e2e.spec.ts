import type { Client } from 'pg';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product } from '../support/product';
import { Stores } from '../support/stores';

/** Sessions that are idle in a transaction, of whomever, are an operator's everyday. */
describe('while transactions idle', () => {
  let product: Product;
  let api: Api;
  const idle: Client[] = [];

  beforeAll(async () => {
    product = await Product.start();
    api = new Api(product.url, product.organizations[0]!.live_key);
  });

  afterAll(async () => {
    await Promise.all(idle.map((client) => client.end()));
    await product.stop();
  });

  const idling = async (database: string, statement: string) => {
    const client = await new Stores(product.home).connect(database);
    idle.push(client);
    await client.query(`begin; ${statement}`);
    return client;
  };
  const arrives = async (title: string) => {
    const task = await api.post('/tasks', { title });
    await eventually(async () => {
      const events = await api.all('/events');
      expect(events.filter(({ subject }) => subject === task.body['id'])).toHaveLength(1);
    });
  };

  // Held by nothing: what is published is what has been committed, whoever else has a transaction open.
  it('publishes and tells all the same, and names nobody who has written no fact', async () => {
    await idling('gateway', 'select pg_current_xact_id()');
    await idling('tasks', 'select pg_current_xact_id(); select from events');
    await arrives('Beside idle sessions');
    expect(await product.works('status')).not.toContain('has written a fact');
  });

  it('names whoever has written a fact and not committed, which holds up only who follows positions', async () => {
    const writer = await idling(
      'tasks',
      `insert into events (organization_id, livemode, id, stream_id, version, type, data, metadata, occurred_at)
       values ('org_0', true, 'evt_0', 'tsk_0', 1, 'task.created', '{}', '{}', now())`,
    );
    await arrives('Beside one that has written');
    const { rows } = await writer.query<{ pid: number }>('select pg_backend_pid() as pid');
    expect(await product.works('status')).toMatch(new RegExp(`tasks: process ${rows[0]!.pid} .*has written a fact .*and not committed`));
    await writer.query('rollback');
    expect(await product.works('status')).not.toContain('has written a fact');
  });
});
