import { Webhook } from 'standardwebhooks';
import { EVENT_TYPES } from '@works/contracts/events';
import type { Delivery, WebhookEndpoint } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

describe('POST /webhook_endpoints/{id}/test', () => {
  let service: WebhooksService;
  let caller: Caller;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const anEndpoint = async (url: string, body: object = {}) =>
    (await service.post(caller, '/webhook_endpoints', { url, ...body })).json<WebhookEndpoint>();

  it('sends a signed event of a type the endpoint asks for, to it alone', async () => {
    const [target, other] = [await receiver(), await receiver()];
    const endpoint = await anEndpoint(target.url, { events: ['milestone.reached'] });
    await anEndpoint(other.url);
    const answer = await service.post(caller, `/webhook_endpoints/${endpoint.id}/test`);
    const delivery = answer.json<Delivery>();
    expect([answer.statusCode, answer.headers['location']]).toEqual([201, `/deliveries/${delivery.id}`]);
    expect(delivery).toMatchObject({ endpoint_id: endpoint.id, event_type: 'milestone.reached', sequence: 0, status: 'pending' });
    const [{ body, headers }] = await eventually(() => {
      expect(target.arrivals).toHaveLength(1);
      return target.arrivals as [(typeof target.arrivals)[number]];
    });
    expect(new Webhook(endpoint.secret!).verify(body, headers as Record<string, string>)).toMatchObject({
      id: delivery.event_id,
      type: 'milestone.reached',
      position: null,
      organization_id: caller.organizationId,
      actor: caller.actor,
      data: { milestone: { status: 'reached' }, previous: { status: 'pending' } },
    });
    await eventually(async () =>
      expect((await service.get(caller, `/deliveries/${delivery.id}`)).json()).toMatchObject({ status: 'delivered', attempts_made: 1 }),
    );
    expect(other.arrivals).toEqual([]);
    await Promise.all([target.close(), other.close()]);
  });

  // Nothing happened, so nobody who follows the log may learn of it, and no number is missing for it.
  it('leaves the log, its positions and the sequence of the endpoint as they are', async () => {
    const target = await receiver();
    const { id } = await anEndpoint(target.url);
    const test = (await service.post(caller, `/webhook_endpoints/${id}/test`)).json<Delivery>();
    const event = anEvent(caller);
    await service.tell([event]);
    await eventually(() => expect(target.arrivals).toHaveLength(2));
    expect((await service.get(caller, '/events')).json()).toMatchObject({ data: [{ id: event.id, position: 1 }], has_more: false });
    expect(target.arrivals.map(({ headers }) => headers['webhook-sequence']).sort()).toEqual(['0', '1']);
    const sent = target.arrivals.find(({ headers }) => headers['webhook-id'] === test.event_id)!;
    expect((await service.get(caller, `/events/${test.event_id}`)).body).toBe(sent.body);
    expect((await service.get(aCaller(), `/events/${test.event_id}`)).statusCode).toBe(404);
    await target.close();
  });

  it.each(EVENT_TYPES)('knows an event of type %s', async (event_type) => {
    const target = await receiver();
    const { id } = await anEndpoint(target.url);
    await service.post(caller, `/webhook_endpoints/${id}/test`, { event_type });
    await eventually(() => expect(target.arrivals).toHaveLength(1));
    const kind = event_type.split('.')[0]!;
    const event = JSON.parse(target.arrivals[0]!.body) as {
      type: string;
      subject: string;
      data: Record<string, { id: string; object: string }>;
    };
    expect(event).toMatchObject({ type: event_type, subject: event.data[kind]!.id, data: { [kind]: { object: kind }, previous: {} } });
    await target.close();
  });

  it('is refused while the endpoint is disabled', async () => {
    const { id } = await anEndpoint('https://one.example/');
    await service.post(caller, `/webhook_endpoints/${id}/disable`);
    const answer = await service.post(caller, `/webhook_endpoints/${id}/test`);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([409, 'endpoint_disabled']);
  });

  it('names a type that does not exist', async () => {
    const { id } = await anEndpoint('https://one.example/');
    const answer = await service.post(caller, `/webhook_endpoints/${id}/test`, { event_type: 'task.eaten' });
    expect(answer.json()).toMatchObject({ status: 422, errors: [{ pointer: '/event_type' }] });
  });
});
