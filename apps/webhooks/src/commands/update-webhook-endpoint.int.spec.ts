import type { WebhookEndpoint } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

describe('changing a webhook endpoint', () => {
  let service: WebhooksService;
  let caller: Caller;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const anEndpoint = async (body: object = {}) =>
    (await service.post(caller, '/webhook_endpoints', { url: 'https://one.example/hooks', ...body })).json<WebhookEndpoint>();
  const get = (id: string) => service.get(caller, `/webhook_endpoints/${id}`);

  describe('PATCH', () => {
    it('changes what is named, leaves the rest, and answers what GET answers, to the byte', async () => {
      const before = await anEndpoint({ description: 'ours', events: ['task.*'] });
      const answer = await service.patch(caller, `/webhook_endpoints/${before.id}`, {
        url: 'https://TWO.example/hooks',
        events: [],
        max_in_flight: 3,
        headers: { 'x-team': 'ops' },
      });
      expect([answer.statusCode, answer.headers['etag']]).toEqual([200, 'W/"2"']);
      expect(answer.json()).toMatchObject({
        url: 'https://two.example/hooks',
        description: 'ours',
        events: [],
        max_in_flight: 3,
        headers: { 'x-team': 'ops' },
        secret: null,
        version: 2,
      });
      expect((await get(before.id)).body).toBe(answer.body);
    });

    it('changes nothing when it is already so', async () => {
      const before = await anEndpoint({ headers: { a: '1', b: '2' } });
      for (const body of [{}, { url: before.url, headers: { b: '2', a: '1' }, description: null }]) {
        expect((await service.patch(caller, `/webhook_endpoints/${before.id}`, body)).json()).toMatchObject({ version: 1 });
      }
    });

    it('is what the next attempts go by', async () => {
      const [old, target] = [await receiver((_, response) => void response.writeHead(500).end()), await receiver()];
      const { id } = await anEndpoint({ url: old.url });
      await service.tell([anEvent(caller)]);
      await eventually(() => expect(old.arrivals).toHaveLength(1));
      await service.patch(caller, `/webhook_endpoints/${id}`, { url: target.url, headers: { 'x-team': 'ops' } });
      await eventually(() => expect(target.arrivals).toHaveLength(1));
      expect(target.arrivals[0]!.headers).toMatchObject({ 'x-team': 'ops', 'webhook-attempt': '2/8' });
      await Promise.all([old.close(), target.close()]);
    });

    it('names every bad field', async () => {
      const { id } = await anEndpoint();
      const bad = await service.patch(caller, `/webhook_endpoints/${id}`, {
        url: 7,
        events: ['task.eaten'],
        max_in_flight: 0,
        secret: 'x',
      });
      expect([bad.statusCode, bad.json<{ errors: { pointer: string }[] }>().errors.map(({ pointer }) => pointer)]).toEqual([
        422,
        ['/events/0', '/max_in_flight', '/secret', '/url'],
      ]);
      const url = await service.patch(caller, `/webhook_endpoints/${id}`, { url: 'https://user:pass@one.example/' });
      expect([url.statusCode, url.json<{ code: string }>().code]).toEqual([422, 'endpoint_url_refused']);
      const header = await service.patch(caller, `/webhook_endpoints/${id}`, { headers: { 'webhook-id': 'mine' } });
      expect([header.statusCode, header.json<{ errors: object[] }>().errors]).toEqual([
        422,
        [expect.objectContaining({ pointer: '/headers/webhook-id' })],
      ]);
    });

    it('is refused with 412 when the endpoint has changed since it was read', async () => {
      const { id } = await anEndpoint();
      const answer = await service.patch(caller, `/webhook_endpoints/${id}`, { max_in_flight: 2 }, { 'if-match': 'W/"7"' });
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([412, 'version_conflict']);
    });

    // Writers that lose the race decide again on what the winner left: nobody's change is written over by somebody who had not seen it.
    it('loses no change among many at once', async () => {
      const { id } = await anEndpoint();
      const answers = await Promise.all([
        ...[1, 2, 3].map((n) => service.patch(caller, `/webhook_endpoints/${id}`, { max_in_flight: n + 1 })),
        service.patch(caller, `/webhook_endpoints/${id}`, { description: 'kept' }),
        service.post(caller, `/webhook_endpoints/${id}/disable`),
      ]);
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(5).fill(200));
      expect((await get(id)).json()).toMatchObject({ version: 6, description: 'kept', status: 'disabled' });
      expect(new Set(answers.map((answer) => answer.json<WebhookEndpoint>().version)).size).toBe(5);
    });
  });

  describe('enable and disable', () => {
    it('are already so the second time: 200, and no new version', async () => {
      const { id } = await anEndpoint();
      const disabled = await service.post(caller, `/webhook_endpoints/${id}/disable`);
      expect(disabled.json()).toMatchObject({ status: 'disabled', disabled_reason: 'Disabled by request.', version: 2 });
      expect((await service.post(caller, `/webhook_endpoints/${id}/disable`)).body).toBe(disabled.body);
      const enabled = await service.post(caller, `/webhook_endpoints/${id}/enable`);
      expect(enabled.json()).toMatchObject({ status: 'enabled', disabled_reason: null, version: 3 });
      expect((await service.post(caller, `/webhook_endpoints/${id}/enable`)).body).toBe(enabled.body);
      expect((await get(id)).body).toBe(enabled.body);
    });

    // Others lose, or refuse to send, what happened while an endpoint was disabled.
    it('lose nothing in between: what was collected arrives at once, in order', async () => {
      const target = await receiver();
      const { id } = await anEndpoint({ url: target.url, max_in_flight: 1 });
      await service.post(caller, `/webhook_endpoints/${id}/disable`);
      const events = Array.from({ length: 12 }, () => anEvent(caller));
      await service.tell(events);
      await eventually(async () => expect((await get(id)).json<WebhookEndpoint>().health.pending).toBe(12));
      expect(target.arrivals).toEqual([]);
      await service.post(caller, `/webhook_endpoints/${id}/enable`);
      await eventually(() => expect(target.arrivals).toHaveLength(12));
      expect(target.arrivals.map(({ headers }) => Number(headers['webhook-sequence']))).toEqual(events.map((_, index) => index + 1));
      await target.close();
    });
  });

  // What bounds the catching up is the number of places: the receiver never has more at one time than it agreed to, however much was collected.
  it('is caught up in order and at no more than its places at a time, while other endpoints get what happens at once', async () => {
    const [collected, fresh] = [
      Array.from({ length: 60 }, () => anEvent(caller)),
      Array.from({ length: 10 }, () => anEvent(caller, 'project.closed')),
    ];
    let [underWay, most] = [0, 0];
    const slow = await receiver((_, response) => {
      most = Math.max(most, ++underWay);
      setTimeout(() => {
        underWay--;
        response.writeHead(200).end();
      }, 30);
    });
    const quick = await receiver();
    const { id } = await anEndpoint({ url: slow.url, max_in_flight: 3 });
    await anEndpoint({ url: quick.url, events: ['project.closed'] });
    await service.post(caller, `/webhook_endpoints/${id}/disable`);
    await service.tell(collected);
    await eventually(async () => expect((await get(id)).json<WebhookEndpoint>().health.pending).toBe(60));
    await service.post(caller, `/webhook_endpoints/${id}/enable`);
    await eventually(() => expect(slow.arrivals.length).toBeGreaterThan(3));
    await service.tell(fresh);
    await eventually(() => expect(quick.arrivals).toHaveLength(10));
    await eventually(() => expect(slow.arrivals).toHaveLength(70));
    const sequences = slow.arrivals.map(({ headers }) => Number(headers['webhook-sequence'])).filter((sequence) => sequence <= 60);
    // Those that leave together may arrive in any order, as many as there are places.
    for (const [index, sequence] of sequences.entries()) expect(Math.abs(sequence - 1 - index)).toBeLessThanOrEqual(3);
    expect([most, new Set(slow.arrivals.map(({ headers }) => headers['webhook-id'])).size]).toEqual([3, 70]);
    await Promise.all([slow.close(), quick.close()]);
  });

  // Guarantees that a stranger cannot learn whether an endpoint exists.
  it.each(['PATCH', 'enable', 'disable', 'rotate_secret', 'test'])('%s answers a stranger as if nothing were there', async (what) => {
    const { id } = await anEndpoint();
    const ask = (who: Caller, of: string) =>
      what === 'PATCH'
        ? service.patch(who, `/webhook_endpoints/${of}`, { max_in_flight: 2 })
        : service.post(who, `/webhook_endpoints/${of}/${what}`);
    const answers = [await ask(aCaller(), id), await ask({ ...caller, livemode: false }, id), await ask(caller, newId('whk'))];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404]);
    expect(new Set(answers.map((answer) => JSON.stringify({ ...answer.json<object>(), request_id: '' }))).size).toBe(1);
    expect((await get(id)).json()).toMatchObject({ version: 1 });
  });

  // Also when the first request has taken away what the second would need to look at.
  it('is answered once per key, deletion too', async () => {
    const { id } = await anEndpoint();
    for (const send of [
      (headers: object) => service.patch(caller, `/webhook_endpoints/${id}`, { max_in_flight: 9 }, { 'if-match': 'W/"1"', ...headers }),
      (headers: object) => service.post(caller, `/webhook_endpoints/${id}/rotate_secret`, {}, headers),
      (headers: object) => service.delete(caller, `/webhook_endpoints/${id}`, headers),
    ]) {
      const key = { 'idempotency-key': newId('idem') };
      const [first, again] = [await send(key), await send(key)];
      expect([again.statusCode, again.body, again.headers['idempotent-replayed']]).toEqual([200, first.body, 'true']);
    }
  });
});
