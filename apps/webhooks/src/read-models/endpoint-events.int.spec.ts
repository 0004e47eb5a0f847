import { get } from 'node:http';
import type { EndpointEvent, WebhookEndpoint } from '@works/contracts/webhooks';
import { CALLER_HEADER, signCaller, type Caller } from '@works/platform/caller';
import { deriveKey } from '@works/platform/config';
import { newId } from '@works/platform/ids';
import { openPool } from '@works/platform/postgres';
import { aCaller, eventually } from '@works/platform/testing';
import { SequenceWatch } from '../delivery/sequence-watch';
import { fanOut } from '../delivery/fan-out';
import { newEvents, takingNothing } from '../delivery/workers.examples';
import { anEvent, receiver, SECRET, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

interface Pulled {
  data: EndpointEvent[];
  has_more: boolean;
  next_cursor: string | null;
}

describe('pulling the events of an endpoint', () => {
  let service: WebhooksService;
  let caller: Caller;
  let target: Awaited<ReturnType<typeof receiver>>;

  beforeAll(async () => {
    service = await startWebhooks();
    target = await receiver();
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(async () => {
    await service.stop();
    await target.close();
  });

  const anEndpoint = async (more: object = {}) =>
    (await service.post(caller, '/webhook_endpoints', { url: target.url, ...more })).json<WebhookEndpoint>();
  const pull = (id: string, query = '', who = caller) => service.get(who, `/webhook_endpoints/${id}/events${query}`);
  const pulled = async (id: string, query = '') => (await pull(id, query)).json<Pulled>();
  const waiting = () => eventually(() => expect(service.app.get(SequenceWatch).size).toBeGreaterThan(0));
  /** Whoever is answered before a reader whose time is up earlier has not waited for the end of a time. */
  const beforeTheTimeIsUp = async <T>(ask: () => Promise<T>): Promise<T> => {
    const { id } = await anEndpoint({ events: ['project.reopened'] });
    const patient = pull(id, '?wait=25').then(() => 'the time is up');
    await waiting();
    const first = await Promise.race([ask(), patient]);
    expect(first).not.toBe('the time is up');
    await service.delete(caller, `/webhook_endpoints/${id}`);
    await patient;
    return first as T;
  };

  it('gives what was sent, in the bytes that were sent, under the numbers that were sent', async () => {
    const endpoint = await anEndpoint({ events: ['task.created'] });
    await service.tell([anEvent(caller), anEvent(caller, 'project.closed'), anEvent(caller), anEvent(caller)]);
    await eventually(async () =>
      expect((await pulled(endpoint.id)).data.map(({ delivery_status }) => delivery_status)).toEqual(Array(3).fill('delivered')),
    );
    const { data, has_more } = await pulled(endpoint.id);
    expect([data.map(({ sequence }) => sequence), has_more]).toEqual([[1, 2, 3], false]);
    const arrived = target.arrivals.filter(({ headers }) => data.some(({ event }) => event.id === headers['webhook-id']));
    expect(arrived).toHaveLength(3);
    const answer = await pull(endpoint.id);
    for (const { body, headers } of arrived) {
      expect(answer.body).toContain(`"event":${body}`);
      expect(data[Number(headers['webhook-sequence']) - 1]!.event.id).toBe(headers['webhook-id']);
    }
    expect((await service.get(caller, `/deliveries/${data[0]!.delivery_id}`)).json()).toMatchObject({ sequence: 1, status: 'delivered' });
  });

  it('goes on after the sequence that the reader has, or along the cursor, also of an endpoint that is disabled', async () => {
    const endpoint = await anEndpoint();
    await service.post(caller, `/webhook_endpoints/${endpoint.id}/disable`);
    await service.tell(Array.from({ length: 5 }, () => anEvent(caller)));
    await eventually(async () => expect((await pulled(endpoint.id)).data).toHaveLength(5));
    const { data, has_more, next_cursor } = await pulled(endpoint.id, '?after=1&limit=2');
    expect([data.map(({ sequence, delivery_status }) => [sequence, delivery_status]), has_more]).toEqual([
      [
        [2, 'pending'],
        [3, 'pending'],
      ],
      true,
    ]);
    expect((await pulled(endpoint.id, `?after=1&cursor=${next_cursor}`)).data.map(({ sequence }) => sequence)).toEqual([4, 5]);
    expect(await pulled(endpoint.id, '?after=5')).toEqual({ object: 'list', data: [], has_more: false, next_cursor: null });
  });

  it('shows a number once however often it is replayed, with how the newest delivery fares', async () => {
    const endpoint = await anEndpoint();
    await service.tell([anEvent(caller)]);
    const [first] = await eventually(async () => {
      const { data } = await pulled(endpoint.id);
      expect(data[0]?.delivery_status).toBe('delivered');
      return data;
    });
    await service.post(caller, `/webhook_endpoints/${endpoint.id}/disable`);
    const again = (await service.post(caller, `/deliveries/${first!.delivery_id}/replay`)).json<{ id: string }>();
    expect((await pulled(endpoint.id)).data).toEqual([{ ...first, delivery_id: again.id, delivery_status: 'pending' }]);
  });

  it('waits until there is something newer, and answers with it at once', async () => {
    const endpoint = await anEndpoint();
    const answer = beforeTheTimeIsUp(() => pulled(endpoint.id, '?wait=30'));
    await eventually(() => expect(service.app.get(SequenceWatch).size).toBe(2));
    const told = service.tell([anEvent(caller)]);
    expect((await answer).data.map(({ sequence }) => sequence)).toEqual([1]);
    await told;
  });

  it('notices within a second what another worker on the database has numbered', async () => {
    const endpoint = await anEndpoint();
    const another = openPool(service.own.workerUrl, { max: 1, applicationName: 'another worker' });
    const tookMs: number[] = [];
    for (const after of [0, 2, 4]) {
      const answer = pulled(endpoint.id, `?wait=30&after=${after}`);
      await waiting();
      const since = performance.now();
      await fanOut(another, newEvents(caller, 2), takingNothing());
      expect((await answer).data.map(({ sequence }) => sequence)).toEqual([after + 1, after + 2]);
      tookMs.push(performance.now() - since);
    }
    // The quickest tells how often it looks, on a busy machine too.
    expect(Math.min(...tookMs)).toBeLessThan(1_500);
    await another.end();
  });

  it('answers with nothing when the time is up', async () => {
    const endpoint = await anEndpoint();
    const since = performance.now();
    expect((await beforeTheTimeIsUp(() => pulled(endpoint.id, '?wait=1'))).data).toEqual([]);
    expect(performance.now() - since).toBeGreaterThanOrEqual(1_000);
  });

  it('is 404 once the endpoint is deleted, for those who wait at it too', async () => {
    const endpoint = await anEndpoint();
    const answer = pull(endpoint.id, '?wait=20');
    await waiting();
    await service.delete(caller, `/webhook_endpoints/${endpoint.id}`);
    expect((await answer).statusCode).toBe(404);
  });

  it('ends with the client that waits', async () => {
    const endpoint = await anEndpoint();
    const request = get(`${await service.app.getUrl()}/webhook_endpoints/${endpoint.id}/events?wait=30`, {
      headers: { [CALLER_HEADER]: signCaller(caller, deriveKey(SECRET, 'caller'), Date.now()) },
    });
    request.on('error', () => undefined);
    await waiting();
    request.destroy();
    await eventually(() => expect(service.app.get(SequenceWatch).size).toBe(0));
  });

  // More of them than there are connections to the database, and those who do not wait are answered as ever.
  it('holds no database connection while it waits, and lets only so many of one organization wait', async () => {
    const endpoint = await anEndpoint();
    const answers = Array.from({ length: 64 }, () => pull(endpoint.id, '?wait=30'));
    await eventually(() => expect(service.app.get(SequenceWatch).size).toBe(64));
    expect((await pull(endpoint.id)).statusCode).toBe(200);
    expect(service.app.get(SequenceWatch).size).toBe(64);
    const refused = await pull(endpoint.id, '?wait=20');
    expect([refused.statusCode, refused.json<{ code: string }>().code, refused.headers['retry-after']]).toEqual([
      429,
      'too_many_waiting',
      '1',
    ]);
    await service.tell([anEvent(caller)]);
    for (const answer of await Promise.all(answers)) expect(answer.json<Pulled>().data).toHaveLength(1);
    expect((await pull(endpoint.id, '?wait=1')).statusCode).toBe(200);
  });

  it('is 404 to strangers, and names what is wrong in a query', async () => {
    const endpoint = await anEndpoint();
    for (const who of [aCaller(), { ...caller, livemode: false }]) expect((await pull(endpoint.id, '?wait=5', who)).statusCode).toBe(404);
    expect((await pull(newId('whk'), '?wait=5')).statusCode).toBe(404);
    const bad = await pull(endpoint.id, '?after=-1&wait=31&limit=0');
    expect([bad.statusCode, bad.json<{ errors: { pointer: string }[] }>().errors.map(({ pointer }) => pointer)]).toEqual([
      422,
      ['/after', '/limit', '/wait'],
    ]);
  });
});

describe('a stop', () => {
  it('does not wait with those who wait', async () => {
    const service = await startWebhooks();
    const caller = aCaller();
    const { id } = (await service.post(caller, '/webhook_endpoints', { url: 'http://127.0.0.1:9/' })).json<WebhookEndpoint>();
    const answer = service.get(caller, `/webhook_endpoints/${id}/events?wait=30`);
    await eventually(() => expect(service.app.get(SequenceWatch).size).toBe(1));
    const at = performance.now();
    await Promise.all([service.stop(), answer.then(({ statusCode }) => expect(statusCode).toBe(200))]);
    // They would have waited for 30 s.
    expect(performance.now() - at).toBeLessThan(25_000);
  });
});
