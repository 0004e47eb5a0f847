import type { PublicEvent } from '@works/contracts/events';
import type { DeadLetter, WebhookEndpoint } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

describe('news of failures', () => {
  let service: WebhooksService;
  let caller: Caller;

  beforeAll(async () => {
    service = await startWebhooks({ disableAfterHours: 1 });
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  const anEndpoint = async (url: string, body: object = {}) =>
    (await service.post(caller, '/webhook_endpoints', { url, ...body })).json<WebhookEndpoint>();
  const get = async (id: string) => (await service.get(caller, `/webhook_endpoints/${id}`)).json<WebhookEndpoint>();
  const log = async () => (await service.get(caller, '/events?limit=100')).json<{ data: PublicEvent[] }>().data;
  const failing = () => receiver((_, response) => void response.writeHead(500).end());
  const received = (target: Awaited<ReturnType<typeof receiver>>) => target.arrivals.map(({ body }) => JSON.parse(body) as PublicEvent);
  /** As if seven attempts had been made: the next failure is the last. */
  const onTheLast = (endpoint: string) =>
    service.owner.query(
      `update deliveries set attempts_made = 7, due_at = now(), next_attempt_at = now() where endpoint_id = $1 and status = 'pending' and lease_token is null`,
      [endpoint],
    );
  const failedOnce = (endpoint: string) =>
    eventually(async () =>
      expect(
        (
          await service.owner.query(`select from deliveries where endpoint_id = $1 and attempts_made = 1 and lease_token is null`, [
            endpoint,
          ])
        ).rowCount,
      ).toBe(1),
    );
  const dieOf = async (endpoint: string) => {
    await service.tell([anEvent(caller)]);
    await failedOnce(endpoint);
    await onTheLast(endpoint);
  };

  it('tells of a dead letter, to the endpoints that name it and to the log', async () => {
    const [dead, asking, everything] = [await failing(), await receiver(), await receiver()];
    const { id } = await anEndpoint(dead.url, { events: ['task.*', 'delivery.dead_lettered'] });
    await anEndpoint(asking.url, { events: ['delivery.dead_lettered'] });
    await anEndpoint(everything.url);
    await dieOf(id);
    await eventually(() => expect(received(asking)).toHaveLength(1));
    const letter = (await service.get(caller, '/dead_letters')).json<{ data: DeadLetter[] }>().data[0]!;
    expect(received(asking)[0]).toMatchObject({
      ...{ type: 'delivery.dead_lettered', subject: letter.id, position: 2, actor: { type: 'system', id: 'webhooks' } },
      data: { delivery: letter, previous: { status: 'pending' } },
    });
    expect((await log()).map(({ type }) => type)).toEqual(['task.created', 'delivery.dead_lettered']);
    // Not to whoever asked for everything without naming it, and not to the one that is dead.
    expect(received(everything).map(({ type }) => type)).toEqual(['task.created']);
    expect(new Set(received(dead).map(({ type }) => type))).toEqual(new Set(['task.created']));
    await Promise.all([dead, asking, everything].map((target) => target.close()));
  });

  // Two endpoints that are both dead, and tell each other: the chain ends with the first letter.
  it('makes no news of the news', async () => {
    const [one, other] = [await failing(), await failing()];
    const { id } = await anEndpoint(one.url, { events: ['task.*', 'delivery.*'] });
    const { id: otherId } = await anEndpoint(other.url, { events: ['delivery.*'] });
    await dieOf(id);
    await failedOnce(otherId);
    await onTheLast(otherId);
    await eventually(async () =>
      expect((await service.owner.query(`select from deliveries where endpoint_id = $1 and status = 'dead'`, [otherId])).rowCount).toBe(1),
    );
    await service.tell([anEvent(caller, 'project.created')]);
    await eventually(async () =>
      expect((await log()).map(({ type }) => type)).toEqual(['task.created', 'delivery.dead_lettered', 'project.created']),
    );
    await Promise.all([one.close(), other.close()]);
  });

  it('disables an endpoint that has only failed for too long, says why, and tells the others', async () => {
    const [dead, asking] = [await failing(), await receiver()];
    const { id } = await anEndpoint(dead.url, { events: ['task.*', 'webhook_endpoint.*'] });
    await anEndpoint(asking.url, { events: ['webhook_endpoint.disabled'] });
    await service.tell([anEvent(caller)]);
    await eventually(async () => expect((await get(id)).health.failing_since).not.toBeNull());
    expect((await get(id)).status).toBe('enabled');
    await service.owner.query(`update webhook_endpoints set failing_since = now() - interval '1 hour' where id = $1`, [id]);
    const disabled = await eventually(async () => {
      const endpoint = await get(id);
      expect(endpoint).toMatchObject({ status: 'disabled', disabled_reason: 'Every attempt has failed for 1 hour.', version: 2 });
      return endpoint;
    });
    await eventually(() => expect(received(asking)).toHaveLength(1));
    expect(received(asking)[0]).toMatchObject({
      ...{ type: 'webhook_endpoint.disabled', subject: id, data: { previous: { status: 'enabled' } } },
      data: { webhook_endpoint: { id, status: 'disabled', disabled_reason: disabled.disabled_reason, updated_at: disabled.updated_at } },
    });
    // It is told nothing of itself, now or when it is enabled.
    const enabled = (await service.post(caller, `/webhook_endpoints/${id}/enable`)).json<WebhookEndpoint>();
    expect(enabled).toMatchObject({ status: 'enabled', disabled_reason: null, breaker: 'closed', health: { failing_since: null } });
    expect(received(dead).some(({ type }) => type === 'webhook_endpoint.disabled')).toBe(false);
    await Promise.all([dead.close(), asking.close()]);
  });

  it('begins to count again after a success', async () => {
    let refusals = 1;
    const target = await receiver((_, response) => void response.writeHead(refusals-- > 0 ? 500 : 200).end());
    const { id } = await anEndpoint(target.url);
    await service.tell([anEvent(caller)]);
    await eventually(async () => expect((await get(id)).health).toMatchObject({ failing_since: expect.any(String), success_rate_24h: 0 }));
    await eventually(async () =>
      expect((await get(id)).health).toMatchObject({ failing_since: null, success_rate_24h: 0.5, attempts_24h: 2 }),
    );
    await target.close();
  });

  it('tells the others of an endpoint that is gone', async () => {
    const [gone, asking] = [await receiver((_, response) => void response.writeHead(410).end()), await receiver()];
    const { id } = await anEndpoint(gone.url, { events: ['task.*'] });
    await anEndpoint(asking.url, { events: ['webhook_endpoint.disabled'] });
    await service.tell([anEvent(caller)]);
    await eventually(() =>
      expect(received(asking)).toMatchObject([
        { subject: id, data: { webhook_endpoint: { disabled_reason: expect.stringContaining('410') } } },
      ]),
    );
    await Promise.all([gone.close(), asking.close()]);
  });

  it('shows how an endpoint fares, the breaker too', async () => {
    const silent = await receiver((_, response) => void response.destroy());
    const { id } = await anEndpoint('http://127.0.0.1:9/nobody', { max_in_flight: 8 });
    await service.tell(Array.from({ length: 6 }, () => anEvent(caller)));
    await eventually(async () =>
      expect(await get(id)).toMatchObject({
        breaker: 'open',
        health: {
          attempts_24h: 6,
          success_rate_24h: 0,
          p50_ms: expect.any(Number),
          p99_ms: expect.any(Number),
          pending: 6,
          dead: 0,
          failing_since: expect.any(String),
        },
      }),
    );
    const changed = (await service.patch(caller, `/webhook_endpoints/${id}`, { url: silent.url })).json<WebhookEndpoint>();
    expect(changed).toMatchObject({ breaker: 'closed', health: { failing_since: null } });
    await service.delete(caller, `/webhook_endpoints/${id}`);
    await silent.close();
  });

  it('tells the operator how late attempts are, what came of them, and what is overdue', async () => {
    const text = (await service.app.inject({ method: 'GET', url: '/metrics' })).body;
    expect(text).toMatch(/works_delivery_lateness_seconds_count\{.*lane="first".*\} [1-9]/);
    expect(text).toMatch(/works_delivery_attempts_total\{.*outcome="delivered".*\} [1-9]/);
    expect(text).toMatch(/works_deliveries_overdue\{.*older_than="60".*\} 0/);
  });

  it('answers what an endpoint was told to do about order and rate', async () => {
    const made = await anEndpoint('https://ordered.example/', { ordering: 'project', rate_limit_per_second: 50 });
    expect(made).toMatchObject({ ordering: 'project', rate_limit_per_second: 50 });
    const patched = await service.patch(caller, `/webhook_endpoints/${made.id}`, { ordering: 'none', rate_limit_per_second: null });
    expect(patched.json()).toMatchObject({ ordering: 'none', rate_limit_per_second: null, version: 2 });
    expect((await service.get(caller, `/webhook_endpoints/${made.id}`)).body).toBe(patched.body);
    const refused = await service.post(caller, '/webhook_endpoints', { url: made.url, ordering: 'strict', rate_limit_per_second: 0 });
    expect(
      refused
        .json<{ errors: { pointer: string }[] }>()
        .errors.map(({ pointer }) => pointer)
        .sort(),
    ).toEqual(['/ordering', '/rate_limit_per_second']);
  });
});
