import { Webhook } from 'standardwebhooks';
import type { WebhookEndpoint } from '@works/contracts/webhooks';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

describe('POST /webhook_endpoints/{id}/rotate_secret', () => {
  let service: WebhooksService;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  afterAll(() => service.stop());

  const verifies = (secret: string, { body, headers }: { body: string; headers: object }): boolean => {
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  };

  // A receiver changes over whenever it likes within the overlap, and misses nothing.
  it('signs with old and new together for the overlap, shown once, at most three', async () => {
    const caller = aCaller();
    const target = await receiver();
    const made = (await service.post(caller, '/webhook_endpoints', { url: target.url })).json<WebhookEndpoint>();
    const secrets = [made.secret!];
    for (let rotation = 1; rotation <= 3; rotation++) {
      const answer = await service.post(caller, `/webhook_endpoints/${made.id}/rotate_secret`, { overlap_hours: 48 });
      const endpoint = answer.json<WebhookEndpoint>();
      expect([answer.statusCode, endpoint.version]).toEqual([200, rotation + 1]);
      expect(Date.parse(endpoint.secrets_expire_at!) - Date.now()).toBeGreaterThan(47.9 * 3_600_000);
      secrets.unshift(endpoint.secret!);
      const shown = (await service.get(caller, `/webhook_endpoints/${made.id}`)).json<WebhookEndpoint>();
      expect(shown).toEqual({ ...endpoint, secret: null });
    }
    await service.tell([anEvent(caller)]);
    const [arrival] = await eventually(() => {
      expect(target.arrivals).toHaveLength(1);
      return target.arrivals;
    });
    expect(secrets.map((secret) => verifies(secret, arrival!))).toEqual([true, true, true, false]);

    const last = (await service.post(caller, `/webhook_endpoints/${made.id}/rotate_secret`, { overlap_hours: 0 })).json<WebhookEndpoint>();
    expect(last.secrets_expire_at).toBeNull();
    await service.tell([anEvent(caller)]);
    await eventually(() => expect(target.arrivals).toHaveLength(2));
    expect([last.secret!, ...secrets].map((secret) => verifies(secret, target.arrivals[1]!))).toEqual([true, false, false, false, false]);
    await target.close();
  });

  it('overlaps for 24 hours unless told otherwise, and for a week at most', async () => {
    const caller = aCaller();
    const { id } = (await service.post(caller, '/webhook_endpoints', { url: 'https://one.example/' })).json<WebhookEndpoint>();
    const rotate = (body: object) => service.post(caller, `/webhook_endpoints/${id}/rotate_secret`, body);
    const hours = (Date.parse((await rotate({})).json<WebhookEndpoint>().secrets_expire_at!) - Date.now()) / 3_600_000;
    expect(Math.round(hours)).toBe(24);
    for (const overlap_hours of [-1, 169, 1.5, '1']) {
      expect((await rotate({ overlap_hours })).json()).toMatchObject({ status: 422, errors: [{ pointer: '/overlap_hours' }] });
    }
  });
});
