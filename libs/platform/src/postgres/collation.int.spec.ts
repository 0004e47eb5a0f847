import { Client } from 'pg';
import { testDatabase, type TestDatabase } from '../testing';

/** Whoever runs the product on a server of their own may have any collation, and the embedded server sorts by bytes. */
describe('the databases of the specs', () => {
  let database: TestDatabase;
  let client: Client;

  beforeAll(async () => {
    database = await testDatabase('webhooks');
    client = new Client({ connectionString: database.ownerUrl });
    await client.connect();
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const inOrder = async (text: string): Promise<string[]> => (await client.query<{ id: string }>(text)).rows.map(({ id }) => id);

  // Guarantees that a statement which needs the order of bytes and does not say so has a server on which that shows.
  it('do not sort text by its bytes', async () => {
    const ids = `from (values ('dlv_b'), ('dlv_A'), ('dlv_a'), ('dlv_B')) as t (id)`;
    expect(await inOrder(`select id ${ids} order by id`)).toEqual(['dlv_a', 'dlv_A', 'dlv_b', 'dlv_B']);
    expect(await inOrder(`select id ${ids} order by id collate "C"`)).toEqual(['dlv_A', 'dlv_B', 'dlv_a', 'dlv_b']);
  });

  // Guarantees that no statement of the webhooks service has to say it: ids of deliveries, attempts, endpoints, replays and events are compared all over.
  it('have ids of the webhooks service sorted by bytes all the same', async () => {
    const { rows } = await client.query<{ column: string }>(
      `select c.relname || '.' || a.attname as column
         from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_collation l on l.oid = a.attcollation
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and l.collname <> 'C'
          and (c.relname ~ '^(deliveries|attempts|event_log)' or c.relname in ('webhook_endpoints', 'replay_jobs', 'reconciled_sequences'))
          and a.attname in ('id', 'delivery_id', 'endpoint_id')`,
    );
    expect(rows).toEqual([]);
  });
});
