import { Webhook } from 'standardwebhooks';
import type { Caller } from '@works/platform/caller';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

describe('delivering', () => {
  let service: WebhooksService;
  let caller: Caller;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const endpoint = async (url: string, body: object = {}) =>
    (await service.post(caller, '/webhook_endpoints', { url, ...body })).json<{ id: string; secret: string }>();
  const deliveriesOf = async (id: string) =>
    (await service.get(caller, `/webhook_endpoints/${id}/deliveries`)).json<{
      data: { id: string; status: string; attempts_made: number; next_attempt_at: string | null }[];
    }>().data;
  const attemptsOf = async (id: string) =>
    (await service.get(caller, `/deliveries/${id}`)).json<{
      attempts: {
        number: number;
        status_code: number | null;
        error: { stage: string; code: string } | null;
        response_body: string | null;
        started_at: string;
      }[];
    }>().attempts;

  it('sends an event once, signed, in the bytes of the event log', async () => {
    const target = await receiver();
    const { id, secret } = await endpoint(target.url);
    const event = anEvent(caller);
    await service.tell([event]);
    await service.tell([event]);
    await eventually(async () =>
      expect(await deliveriesOf(id)).toMatchObject([{ status: 'delivered', attempts_made: 1, next_attempt_at: null }]),
    );
    expect(target.arrivals).toHaveLength(1);
    const { headers, body } = target.arrivals[0]!;
    expect(headers).toMatchObject({
      'webhook-id': event.id,
      'webhook-sequence': '1',
      'webhook-attempt': '1/8',
      'content-type': 'application/json',
    });
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({ id: event.id, position: 1 });
    expect((await service.get(caller, `/events/${event.id}`)).body).toBe(body);
    await target.close();
  });

  it('sends only what the endpoint asked for, and nothing of another tenant', async () => {
    const target = await receiver();
    const { id } = await endpoint(target.url, { events: ['task.*', 'project.closed'] });
    const wanted = [anEvent(caller, 'task.completed'), anEvent(caller, 'project.closed')];
    await service.tell([
      anEvent(caller, 'project.created'),
      anEvent(aCaller(), 'task.completed'),
      anEvent({ ...caller, livemode: false }, 'task.completed'),
      ...wanted,
    ]);
    await eventually(async () => expect((await deliveriesOf(id)).filter(({ status }) => status === 'delivered')).toHaveLength(2));
    expect(target.arrivals.map(({ headers }) => headers['webhook-id']).sort()).toEqual(wanted.map((event) => event.id).sort());
    await target.close();
  });

  // A fixed schedule is a promise: the second attempt is due one second after the first ended, the third four seconds later.
  it('tries again after one second and then four, with a fresh signature over the same bytes', async () => {
    let refusals = 2;
    const target = await receiver((_, response) => void response.writeHead(refusals-- > 0 ? 500 : 204).end('no'));
    const { id, secret } = await endpoint(target.url);
    await service.tell([anEvent(caller)]);
    const waits: number[] = [];
    for (const made of [1, 2]) {
      await eventually(async () => expect((await deliveriesOf(id))[0]!.attempts_made).toBe(made));
      const { rows } = await service.owner.query<{ wait: number }>(
        'select extract(epoch from next_attempt_at - updated_at)::float * 1000 as wait from deliveries where endpoint_id = $1',
        [id],
      );
      waits.push(Math.round(rows[0]!.wait));
    }
    expect(waits).toEqual([1_000, 4_000]);
    await eventually(async () => expect(await deliveriesOf(id)).toMatchObject([{ status: 'delivered', attempts_made: 3 }]));
    const [first, second, third] = target.arrivals;
    expect(second!.at - first!.at).toBeGreaterThan(995);
    expect(third!.at - second!.at).toBeGreaterThan(3_995);
    for (const { headers, body } of target.arrivals) {
      expect(body).toBe(first!.body);
      expect(() => new Webhook(secret).verify(body, headers as Record<string, string>)).not.toThrow();
    }
    expect(target.arrivals.map(({ headers }) => headers['webhook-attempt'])).toEqual(['1/8', '2/8', '3/8']);
    await target.close();
  });

  it.each<[string, () => string, number]>([
    ['as seconds', () => '3', 3_000],
    ['as a date, up to the wait that comes next', () => new Date(Date.now() + 60_000).toUTCString(), 4_000],
    ['but not to hurry', () => '0', 1_000],
  ])('waits as long as Retry-After asks, %s', async (_, retryAfter, expectedMs) => {
    const target = await receiver((_arrival, response) => void response.writeHead(503, { 'retry-after': retryAfter() }).end());
    const { id } = await endpoint(target.url);
    await service.tell([anEvent(caller)]);
    await eventually(async () => expect((await deliveriesOf(id))[0]!.attempts_made).toBe(1));
    const { rows } = await service.owner.query<{ wait: number }>(
      'select extract(epoch from next_attempt_at - updated_at)::float * 1000 as wait from deliveries where endpoint_id = $1',
      [id],
    );
    expect(Math.round(rows[0]!.wait)).toBe(expectedMs);
    await service.delete(caller, `/webhook_endpoints/${id}`);
    await target.close();
  });

  it('keeps every attempt with what was answered', async () => {
    const target = await receiver(
      (_, response) => void response.writeHead(418, { 'x-pot': 'tea' }).end('short and stout'.padEnd(10_000, '.')),
    );
    const { id } = await endpoint(target.url);
    await service.tell([anEvent(caller)]);
    const [delivery] = await eventually(async () => {
      const found = await deliveriesOf(id);
      expect(found).toMatchObject([{ status: 'pending', attempts_made: 1, next_attempt_at: expect.any(String) }]);
      return found;
    });
    const [attempt] = await attemptsOf(delivery!.id);
    expect(attempt).toMatchObject({
      number: 1,
      status_code: 418,
      error: { stage: 'status', code: '418' },
      address: '127.0.0.1',
      response_headers: { 'x-pot': 'tea' },
    });
    expect(attempt!.response_body).toHaveLength(4_096);
    await target.close();
  });

  it.each<[string, number]>([
    ['a redirect', 302],
    ['not modified', 304],
  ])('counts %s as a failure and does not follow it', async (_, status) => {
    const elsewhere = await receiver();
    const target = await receiver((_arrival, response) => void response.writeHead(status, { location: elsewhere.url }).end());
    const { id } = await endpoint(target.url);
    await service.tell([anEvent(caller)]);
    await eventually(async () => expect(await deliveriesOf(id)).toMatchObject([{ status: 'pending', attempts_made: 1 }]));
    expect(elsewhere.arrivals).toEqual([]);
    await Promise.all([target.close(), elsewhere.close()]);
  });

  it('names the stage of a failure to connect', async () => {
    const target = await receiver();
    await target.close();
    const { id } = await endpoint(target.url);
    await service.tell([anEvent(caller)]);
    const [delivery] = await eventually(async () => {
      const found = await deliveriesOf(id);
      expect(found[0]!.attempts_made).toBe(1);
      return found;
    });
    expect((await attemptsOf(delivery!.id))[0]!.error).toMatchObject({ stage: 'connect', code: 'ECONNREFUSED' });
  });

  // 410 is the receiver's last word; what happens meanwhile is kept for the day it is enabled again.
  it('disables an endpoint that is gone, and keeps collecting for it', async () => {
    const target = await receiver((_, response) => void response.writeHead(410).end());
    const { id } = await endpoint(target.url);
    await service.tell([anEvent(caller)]);
    await eventually(async () =>
      expect((await service.get(caller, `/webhook_endpoints/${id}`)).json()).toMatchObject({
        status: 'disabled',
        disabled_reason: expect.stringContaining('410'),
      }),
    );
    await service.tell([anEvent(caller)]);
    await eventually(async () => expect(await deliveriesOf(id)).toHaveLength(2));
    expect(target.arrivals).toHaveLength(1);
    await target.close();
  });

  // One endpoint that never answers must not take the place of another's deliveries.
  it('does not let a black hole delay a healthy endpoint', async () => {
    const hole = await receiver(() => undefined);
    const healthy = await receiver();
    const { id: silent } = await endpoint(hole.url);
    await endpoint(healthy.url);
    const events = Array.from({ length: 300 }, () => anEvent(caller));
    await service.tell(events);
    await eventually(() => expect(healthy.arrivals).toHaveLength(300));
    // All of them before the first attempt at the hole has ended: it holds what it was given, and no more than that.
    expect(hole.arrivals.length).toBeLessThanOrEqual(16);
    expect((await deliveriesOf(silent)).filter(({ attempts_made }) => attempts_made > 0)).toEqual([]);
    await Promise.all([hole.close(), healthy.close()]);
  });

  it('answers strangers as if nothing were there', async () => {
    const target = await receiver();
    const { id } = await endpoint(target.url);
    await service.tell([anEvent(caller)]);
    const [delivery] = await eventually(async () => {
      const found = await deliveriesOf(id);
      expect(found).toHaveLength(1);
      return found;
    });
    for (const path of [`/webhook_endpoints/${id}`, `/webhook_endpoints/${id}/deliveries`, `/deliveries/${delivery!.id}`]) {
      expect((await service.get(aCaller(), path)).statusCode).toBe(404);
    }
    expect((await service.delete(aCaller(), `/webhook_endpoints/${id}`)).statusCode).toBe(404);
    await target.close();
  });

  it('stops sending to an endpoint that is deleted', async () => {
    const target = await receiver((_, response) => void response.writeHead(500).end());
    const { id } = await endpoint(target.url);
    await service.tell([anEvent(caller)]);
    await eventually(() => expect(target.arrivals).toHaveLength(1));
    expect((await service.delete(caller, `/webhook_endpoints/${id}`)).json()).toEqual({ id, object: 'webhook_endpoint', deleted: true });
    expect((await service.get(caller, `/webhook_endpoints/${id}`)).statusCode).toBe(404);
    const { rows } = await service.owner.query<{ status: string }>('select status from deliveries where endpoint_id = $1', [id]);
    expect(rows).toEqual([{ status: 'cancelled' }]);
    await target.close();
  });
});

describe('where nothing private may be contacted', () => {
  it('refuses the address at every attempt, and says so', async () => {
    const service = await startWebhooks({ allowPrivate: false });
    const caller = aCaller();
    const target = await receiver();
    const refused = await service.post(caller, '/webhook_endpoints', { url: target.url });
    expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([422, 'endpoint_url_refused']);
    // A name passes until it is looked up; this one stands for every name that leads inside.
    const made = await service.post(caller, '/webhook_endpoints', { url: 'https://receiver.example/hooks' });
    const { id } = made.json<{ id: string }>();
    await service.owner.query(`update webhook_endpoints set url = 'https://localhost:8443/hooks' where id = $1`, [id]);
    await service.tell([anEvent(caller)]);
    const [delivery] = await eventually(async () => {
      const { data } = (await service.get(caller, `/webhook_endpoints/${id}/deliveries`)).json<{
        data: { id: string; attempts_made: number }[];
      }>();
      expect(data[0]!.attempts_made).toBe(1);
      return data;
    });
    expect((await service.get(caller, `/deliveries/${delivery!.id}`)).json()).toMatchObject({
      attempts: [{ error: { stage: 'refused_address' } }],
    });
    expect(target.arrivals).toEqual([]);
    await target.close();
    await service.stop();
  });
});
