import type { ServerResponse } from 'node:http';
import { Client } from 'pg';
import { aCaller, eventually } from '@works/platform/testing';
import { receiver } from '../webhooks-service.examples';
import { aWorker, deliveryDatabase, newEvents } from './workers.examples';

describe('while the database is away', () => {
  /** Takes the database from everybody who is connected to it, and lets nobody in until it is given back. */
  async function away(superuserUrl: string) {
    const url = new URL(superuserUrl);
    const name = url.pathname.slice(1);
    url.pathname = '/postgres';
    const admin = new Client({ connectionString: url.href });
    await admin.connect();
    await admin.query(`alter database "${name}" with allow_connections false`);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
    return async () => {
      await admin.query(`alter database "${name}" with allow_connections true`);
      await admin.end();
    };
  }

  // What a receiver has taken must not be sent again only because the database was restarting at that moment.
  it('what came of an attempt is kept in memory, recorded when it is back, and sent no second time', async () => {
    const database = await deliveryDatabase();
    const open: ServerResponse[] = [];
    const target = await receiver((_, response) => void open.push(response));
    const caller = aCaller();
    const endpoint = await database.endpoint(caller, target.url);
    const worker = aWorker(database.workers);
    worker.start();
    await worker.fanOut(newEvents(caller, 3));
    await eventually(() => expect(open).toHaveLength(3));

    const giveBack = await away(database.own.superuserUrl);
    for (const response of open) response.writeHead(200).end();
    await expect(worker.fanOut(newEvents(caller, 1))).rejects.toThrow();
    await giveBack();

    await eventually(async () =>
      expect((await database.deliveries(endpoint)).map(({ status }) => status)).toEqual(['delivered', 'delivered', 'delivered']),
    );
    expect(await database.attempts(endpoint)).toHaveLength(3);
    expect(target.arrivals).toHaveLength(3);
    await worker.stop();
    await target.close();
    await database.drop();
  });
});
