import { Webhook } from 'standardwebhooks';
import type { WebhookEndpoint } from '@works/contracts/webhooks';
import { newId } from '@works/platform/ids';
import { createLogger } from '@works/platform/logging';
import { Keyring } from '@works/platform/sealing';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';
import { KeptSecrets } from './kept-secrets';
import { fanOut } from './fan-out';
import { aWorker, deliveryDatabase, newEvents, takingNothing } from './workers.examples';

const OLD = 'the key of last year, long enough to be one';
const NEW = 'the key of this year, long enough to be one';

/** With everything that it says. */
function keptUnder(...keys: [string, ...string[]]) {
  const lines: string[] = [];
  const logger = createLogger({ name: 'spec', level: 'info', write: (line) => lines.push(line) });
  return { kept: new KeptSecrets(new Keyring(keys), logger), said: () => lines.join('') };
}

describe('signing secrets at rest', () => {
  let service: WebhooksService;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  afterAll(() => service.stop());

  // Whoever gets a backup, a replica or a disk can sign nothing in our name.
  it('stand in no table as they are, and are what the answers showed', async () => {
    const [caller, target, key] = [aCaller(), await receiver(), { 'idempotency-key': newId('idem') }];
    const made = await service.post(caller, '/webhook_endpoints', { url: target.url }, key);
    const { id, secret } = made.json<WebhookEndpoint>();
    const rotated = (await service.post(caller, `/webhook_endpoints/${id}/rotate_secret`, {})).json<WebhookEndpoint>();
    await service.tell([anEvent(caller)]);
    await eventually(() => expect(target.arrivals).toHaveLength(1));
    for (const shown of [secret!, rotated.secret!]) {
      expect(new Webhook(shown).verify(target.arrivals[0]!.body, target.arrivals[0]!.headers as Record<string, string>)).toBeDefined();
    }
    // Also the answer that is remembered: it shows the secret again to whoever has the key, and to nobody who has the table.
    const again = await service.post(caller, '/webhook_endpoints', { url: target.url }, key);
    expect([again.body, again.headers['idempotent-replayed']]).toEqual([made.body, 'true']);
    const { rows: tables } = await service.owner.query<{ name: string }>(
      `select quote_ident(relname) as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace`,
    );
    for (const { name } of tables) {
      const { rows } = await service.owner.query(`select 1 from ${name} t where t::text like '%whsec\\_%'`);
      expect([name, rows.length]).toEqual([name, 0]);
    }
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['webhook_endpoints', 'idempotency_keys']));
    await target.close();
  });

  it('can be given up for a new one when the key to them is lost', async () => {
    const [caller, target] = [aCaller(), await receiver()];
    const { id } = (await service.post(caller, '/webhook_endpoints', { url: target.url })).json<WebhookEndpoint>();
    const lost = keptUnder(NEW).kept.seal(id, 'whsec_bm9ib2R5J3M=');
    await service.owner.query('update webhook_endpoints set secret = $2 where id = $1', [id, lost]);
    await service.tell([anEvent(caller)]);
    const rotate = (overlap_hours: number) => service.post(caller, `/webhook_endpoints/${id}/rotate_secret`, { overlap_hours });
    expect((await rotate(1)).statusCode).toBe(500);
    expect(target.arrivals).toEqual([]);
    const { secret } = (await rotate(0)).json<WebhookEndpoint>();
    await service.tell([anEvent(caller)]);
    const [{ body, headers }] = await eventually(() => {
      expect(target.arrivals).not.toHaveLength(0);
      return target.arrivals as [(typeof target.arrivals)[number]];
    });
    expect(new Webhook(secret!).verify(body, headers as Record<string, string>)).toBeDefined();
    await target.close();
  });

  describe('under keys that change', () => {
    let database: Awaited<ReturnType<typeof deliveryDatabase>>;

    beforeAll(async () => {
      database = await deliveryDatabase();
    });
    beforeEach(() => database.owner.query('truncate webhook_endpoints cascade'));
    afterAll(() => database.drop());

    const secretOf = async (id: string) =>
      (await database.owner.query<{ secret: string }>('select secret from webhook_endpoints where id = $1', [id])).rows[0]!.secret;

    it('are sealed where they were not yet, then under the next key, and stay the same', async () => {
      const ids: string[] = [];
      for (let nth = 0; nth < 5; nth++) ids.push(await database.endpoint(aCaller(), 'https://one.example/'));
      const plain = await Promise.all(ids.map(secretOf));
      const [first, next, last] = [keptUnder(OLD), keptUnder(NEW, OLD), keptUnder(NEW)];
      // Two processes start at one time: each row is sealed once.
      const sealed = await Promise.all([first.kept.sealAll(database.workers), first.kept.sealAll(database.workers)]);
      expect(sealed[0] + sealed[1]).toBe(5);
      expect(await first.kept.sealAll(database.workers)).toBe(0);
      expect((await Promise.all(ids.map(secretOf))).join()).not.toContain('whsec_');
      expect(await next.kept.sealAll(database.workers)).toBe(5);
      for (const [nth, id] of ids.entries()) expect(last.kept.open(id, await secretOf(id))).toBe(plain[nth]);
      expect(await last.kept.sealAll(database.workers)).toBe(0);
      expect(next.said()).toContain('"sealed":5');
      expect(first.said() + next.said() + last.said()).not.toContain('whsec_');
    });

    it('go through the whole table, however many there are', async () => {
      const caller = aCaller();
      await database.endpoint(caller, 'https://one.example/');
      await database.owner.query(
        `insert into webhook_endpoints (id, organization_id, livemode, url, events, max_in_flight, headers, secret, created_at, updated_at)
         select id || n, organization_id, livemode, url, events, max_in_flight, headers, secret, now(), now() from webhook_endpoints, generate_series(1, 209) n`,
      );
      expect(await keptUnder(NEW).kept.sealAll(database.workers)).toBe(210);
    });

    it('that nobody has make deliveries wait, unsigned by anything else, until somebody has them', async () => {
      const [caller, target] = [aCaller(), await receiver()];
      const id = await database.endpoint(caller, target.url);
      const plain = await secretOf(id);
      const [right, wrong] = [keptUnder(OLD), keptUnder(NEW)];
      await right.kept.sealAll(database.workers);
      expect(await wrong.kept.sealAll(database.workers)).toBe(0);
      const stranger = aWorker(database.workers, { secrets: wrong.kept, graceMs: 50 });
      await fanOut(database.workers, newEvents(caller, 3), takingNothing());
      stranger.start();
      await eventually(async () => expect((await database.deliveries(id)).every(({ lease_token }) => lease_token !== null)).toBe(true));
      await stranger.stop();
      expect(target.arrivals).toEqual([]);
      expect((await database.deliveries(id)).map(({ status, attempts_made }) => [status, attempts_made])).toEqual(
        Array(3).fill(['pending', 0]),
      );
      const keys = [new Keyring([OLD]), new Keyring([NEW])].map(({ firstKeyId }) => firstKeyId);
      expect(wrong.said()).toContain(
        `The signing secrets of ${id} cannot be opened: sealed with the key ${keys[0]}, and the configured keys are ${keys[1]}.`,
      );
      const owner = aWorker(database.workers, { secrets: right.kept, graceMs: 50 });
      owner.start();
      await eventually(() => expect(target.arrivals).toHaveLength(3));
      for (const { body, headers } of target.arrivals) {
        expect(new Webhook(plain).verify(body, headers as Record<string, string>)).toBeDefined();
      }
      await owner.stop();
      await target.close();
    });
  });
});
