import type { EventType } from '@works/contracts/events';
import type { Replay, ReplayPreview } from '@works/contracts/replays';
import type { Delivery, EndpointEvent, WebhookEndpoint } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

describe('a replay of events to an endpoint', () => {
  let service: WebhooksService;
  let caller: Caller;
  let target: Awaited<ReturnType<typeof receiver>>;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  beforeEach(async () => {
    caller = aCaller();
    target = await receiver();
  });
  afterEach(() => target.close());
  afterAll(() => service.stop());

  const anEndpoint = async (more: object = {}) =>
    (await service.post(caller, '/webhook_endpoints', { url: target.url, max_in_flight: 2, ...more })).json<WebhookEndpoint>();
  const events = async () =>
    (await service.get(caller, '/events?limit=100')).json<{ data: { id: string; position: number; type: string }[] }>().data;
  /** So many events, all of them in the log. */
  async function happen(...types: EventType[]) {
    const before = (await events()).length;
    await service.tell(types.map((type) => anEvent(caller, type)));
    return eventually(async () => {
      const all = await events();
      expect(all).toHaveLength(before + types.length);
      return all;
    });
  }
  const start = (id: string, body: object, who = caller, headers = {}) =>
    service.post(who, `/webhook_endpoints/${id}/replay`, body, headers);
  const ended = (id: string) =>
    eventually(async () => {
      const replay = (await service.get(caller, `/replays/${id}`)).json<Replay>();
      expect(replay.ended_at).not.toBeNull();
      return replay;
    });
  const pulled = async (id: string) =>
    (await service.get(caller, `/webhook_endpoints/${id}/events?limit=100`)).json<{ data: EndpointEvent[] }>().data;
  const allDelivered = (id: string, count: number) =>
    eventually(async () =>
      expect((await pulled(id)).map(({ delivery_status }) => delivery_status)).toEqual(Array(count).fill('delivered')),
    );
  const arrivedIds = () => target.arrivals.map(({ headers }) => headers['webhook-id']);

  it('gives an endpoint that is younger than its events all of them, under numbers of its own, in order', async () => {
    const log = await happen('task.created', 'project.closed', 'task.created', 'task.completed');
    const endpoint = await anEndpoint({ events: ['task.*'], max_in_flight: 1 });
    const preview = await start(endpoint.id, { from_position: 1, dry_run: true });
    expect([preview.statusCode, preview.json<ReplayPreview>()]).toMatchObject([200, { kind: 'events', total: 3, seconds: 1 }]);
    expect(await pulled(endpoint.id)).toEqual([]);

    const answer = await start(endpoint.id, { from_position: 1 });
    const replay = answer.json<Replay>();
    expect([answer.statusCode, answer.headers['location']]).toEqual([202, `/replays/${replay.id}`]);
    expect(replay).toMatchObject({
      kind: 'events',
      filter: { endpoint_id: endpoint.id, from_position: 1, since: null },
      progress: { total: 3 },
    });
    expect((await ended(replay.id)).progress).toEqual({ total: 3, replayed: 3, skipped: 0, remaining: 0 });
    await allDelivered(endpoint.id, 3);
    const wanted = log.filter(({ type }) => type !== 'project.closed').map(({ id }) => id);
    expect((await pulled(endpoint.id)).map(({ sequence, event }) => [sequence, event.id])).toEqual(
      wanted.map((id, index) => [index + 1, id]),
    );
    expect(arrivedIds()).toEqual(wanted);
  });

  it('sends what the endpoint has had under the numbers it had, from a position on, and gives new ones only to what is new to it', async () => {
    const endpoint = await anEndpoint({ events: ['task.created'] });
    // One after the other: events of different types come by different ways.
    await happen('task.created');
    await happen('task.completed');
    const log = await happen('task.created', 'task.created');
    await allDelivered(endpoint.id, 3);
    await service.patch(caller, `/webhook_endpoints/${endpoint.id}`, { events: ['task.*'] });
    target.arrivals.length = 0;
    const replay = (await start(endpoint.id, { from_position: 2 })).json<Replay>();
    expect((await ended(replay.id)).progress).toMatchObject({ total: 3, replayed: 3 });
    await eventually(() => expect(target.arrivals).toHaveLength(3));
    const numbers = target.arrivals.map(({ headers }) => [headers['webhook-id'], Number(headers['webhook-sequence'])]);
    expect(numbers.sort((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
      [log[2]!.id, 2],
      [log[3]!.id, 3],
      [log[1]!.id, 4],
    ]);
    expect((await pulled(endpoint.id)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    const made = (await service.get(caller, `/webhook_endpoints/${endpoint.id}/deliveries`)).json<{ data: Delivery[] }>().data;
    expect(made.filter(({ replay_of }) => replay_of !== null)).toHaveLength(2);
  });

  it('begins at an instant, to the millisecond, however long ago that is', async () => {
    const before = await happen('task.created', 'task.created');
    await eventually(() => expect(Date.now()).toBeGreaterThan(Date.parse(timeOf(before[1]!)) + 2));
    const since = new Date().toISOString();
    await happen('task.created');
    const endpoint = await anEndpoint();
    const counts = async (of: string) => (await start(endpoint.id, { since: of, dry_run: true })).json<ReplayPreview>().total;
    expect([await counts(since), await counts('2020-01-01T00:00:00Z'), await counts('2100-01-01T00:00:00+05:30')]).toEqual([1, 3, 0]);
    const replay = (await start(endpoint.id, { since })).json<Replay>();
    expect(replay.filter).toMatchObject({ since, from_position: null });
    await ended(replay.id);
    await allDelivered(endpoint.id, 1);
  });

  const timeOf = (event: object): string => (event as { timestamp: string }).timestamp;

  it('passes over what is under way', async () => {
    const endpoint = await anEndpoint();
    await service.post(caller, `/webhook_endpoints/${endpoint.id}/disable`);
    await happen('task.created', 'task.created');
    const replay = (await start(endpoint.id, { from_position: 1 })).json<Replay>();
    expect((await ended(replay.id)).progress).toEqual({ total: 2, replayed: 0, skipped: 2, remaining: 0 });
    await service.post(caller, `/webhook_endpoints/${endpoint.id}/enable`);
    await allDelivered(endpoint.id, 2);
    expect(target.arrivals).toHaveLength(2);
  });

  it('ends when the endpoint is deleted', async () => {
    const endpoint = await anEndpoint();
    await happen(...Array<EventType>(30).fill('task.created'));
    await allDelivered(endpoint.id, 30);
    const replay = (await start(endpoint.id, { from_position: 1, rate_per_second: 5 })).json<Replay>();
    await service.delete(caller, `/webhook_endpoints/${endpoint.id}`);
    const { status, progress } = await ended(replay.id);
    expect([status, progress.remaining > 0]).toEqual(['cancelled', true]);
  });

  it('is answered once per key, and is 404 to strangers', async () => {
    const endpoint = await anEndpoint();
    const key = { 'idempotency-key': newId('idem') };
    const first = await start(endpoint.id, { from_position: 1 }, caller, key);
    const again = await start(endpoint.id, { from_position: 1 }, caller, key);
    expect([again.statusCode, again.body, again.headers['idempotent-replayed']]).toEqual([202, first.body, 'true']);
    for (const who of [aCaller(), { ...caller, livemode: false }]) {
      expect((await start(endpoint.id, { from_position: 1 }, who)).statusCode).toBe(404);
      expect((await start(endpoint.id, { from_position: 1, dry_run: true }, who)).statusCode).toBe(404);
    }
    expect((await start(newId('whk'), { from_position: 1 })).statusCode).toBe(404);
  });

  it('needs exactly one beginning', async () => {
    const endpoint = await anEndpoint();
    const pointers = async (body: object) => {
      const answer = await start(endpoint.id, body);
      return [
        answer.statusCode,
        ...answer
          .json<{ errors: { pointer: string; code: string }[] }>()
          .errors.map(({ pointer }) => pointer)
          .sort(),
      ];
    };
    expect(await pointers({})).toEqual([422, '/from_position']);
    expect(await pointers({ from_position: 1, since: '2026-11-24T00:00:00Z' })).toEqual([422, '/since']);
    expect(await pointers({ from_position: 0, since: 'yesterday', rate_per_second: 1_001 })).toEqual([
      422,
      '/from_position',
      '/rate_per_second',
      '/since',
    ]);
  });
});
