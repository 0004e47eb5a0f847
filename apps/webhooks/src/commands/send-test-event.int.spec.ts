import { Webhook } from 'standardwebhooks';
import type { SentTestEvent, WebhookEndpoint } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

describe('POST /test_events', () => {
  let service: WebhooksService;
  let caller: Caller;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  beforeEach(() => {
    caller = aCaller({ livemode: false });
  });
  afterAll(() => service.stop());

  const anEndpoint = async (body: object = {}, as = caller) =>
    (await service.post(as, '/webhook_endpoints', { url: 'https://one.example/hooks', ...body })).json<WebhookEndpoint>();
  const send = async (type = 'task.completed') => (await service.post(caller, '/test_events', { type })).json<SentTestEvent>();

  it('sends a believable event to the endpoints that want it, and to no others', async () => {
    const target = await receiver();
    const first = await anEndpoint({ url: target.url });
    const second = await anEndpoint({ url: target.url, events: ['task.*'], filter: { 'data.task.status': { equals: 'completed' } } });
    await anEndpoint({ events: ['project.*'] });
    await anEndpoint({ filter: { 'data.task.status': { equals: 'open' } } });
    await anEndpoint({ projects: [newId('prj')] });
    await anEndpoint({}, { ...caller, livemode: true });
    const { id } = await anEndpoint();
    await service.post(caller, `/webhook_endpoints/${id}/disable`);
    const answer = await service.post(caller, '/test_events', { type: 'task.completed' });
    const { object, event, deliveries } = answer.json<SentTestEvent>();
    expect([answer.statusCode, answer.headers['location'], object]).toEqual([201, `/events/${event.id}`, 'test_event']);
    expect(deliveries.map(({ endpoint_id, status, sequence }) => [endpoint_id, status, sequence])).toEqual([
      [first.id, 'pending', 0],
      [second.id, 'pending', 0],
    ]);
    await eventually(() => expect(target.arrivals).toHaveLength(2));
    for (const { body, headers } of target.arrivals) {
      const [genuine] = [first, second].flatMap(({ secret }) => {
        try {
          return [new Webhook(secret!).verify(body, headers as Record<string, string>)];
        } catch {
          return [];
        }
      });
      expect(genuine).toEqual(event);
    }
    expect(event).toMatchObject({ type: 'task.completed', livemode: false, position: null, data: { task: { status: 'completed' } } });
    await target.close();
  });

  // Nothing happened, so nobody who follows the log may learn of it.
  it('leaves the log as it is, and can be looked up', async () => {
    const { event, deliveries } = await send('project.created');
    expect(deliveries).toEqual([]);
    expect((await service.get(caller, '/events')).json()).toMatchObject({ data: [] });
    expect((await service.get(caller, `/events/${event.id}`)).json()).toEqual(event);
    expect((await service.get(aCaller(), `/events/${event.id}`)).statusCode).toBe(404);
  });

  it('happens once for each key', async () => {
    const target = await receiver();
    await anEndpoint({ url: target.url });
    const key = { 'idempotency-key': newId('idem') };
    const [first, again] = [
      await service.post(caller, '/test_events', { type: 'task.created' }, key),
      await service.post(caller, '/test_events', { type: 'task.created' }, key),
    ];
    expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
    const ids = [first.json<SentTestEvent>().event.id, (await send('task.cancelled')).event.id];
    await eventually(() => expect(target.arrivals.map(({ headers }) => headers['webhook-id']).sort()).toEqual(ids));
    await target.close();
  });

  it('is for test mode only', async () => {
    const answer = await service.post({ ...caller, livemode: true }, '/test_events', { type: 'task.created' });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([409, 'test_mode_only']);
  });

  it('names a type that does not exist, and one that is missing', async () => {
    for (const body of [{ type: 'task.eaten' }, {}]) {
      expect((await service.post(caller, '/test_events', body)).json()).toMatchObject({ status: 422, errors: [{ pointer: '/type' }] });
    }
  });
});
