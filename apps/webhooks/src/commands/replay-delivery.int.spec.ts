import type { DeadLetter, Delivery, WebhookEndpoint } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

interface List<Row> {
  data: Row[];
  has_more: boolean;
  next_cursor: string | null;
}

describe('dead letters and replays', () => {
  let service: WebhooksService;
  let caller: Caller;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  beforeEach(() => {
    caller = aCaller();
  });
  afterAll(() => service.stop());

  /** A receiver that answers with what is in `status` at the time. */
  async function changeable(status: number) {
    const state = { status };
    const target = await receiver((_, response) => void response.writeHead(state.status).end());
    return { ...target, state };
  }
  const anEndpoint = async (url: string) => (await service.post(caller, '/webhook_endpoints', { url })).json<WebhookEndpoint>();
  const deliveriesOf = async (id: string, query = '') =>
    (await service.get(caller, `/webhook_endpoints/${id}/deliveries${query}`)).json<List<Delivery>>().data;
  const deadLetters = async (query = '') => (await service.get(caller, `/dead_letters${query}`)).json<List<DeadLetter>>();
  const replay = (id: string, headers = {}) => service.post(caller, `/deliveries/${id}/replay`, {}, headers);

  /** Lets the endpoint's deliveries fail once, and then the last time. */
  async function exhaust(endpointId: string, count = 1): Promise<Delivery[]> {
    await eventually(async () => {
      const found = await deliveriesOf(endpointId, '?status=pending');
      expect(found.filter(({ attempts_made }) => attempts_made === 1)).toHaveLength(count);
    });
    await service.owner.query(`update deliveries set attempts_made = 7, due_at = now() where endpoint_id = $1 and status = 'pending'`, [
      endpointId,
    ]);
    return eventually(async () => {
      const dead = await deliveriesOf(endpointId, '?status=dead');
      expect(dead.filter(({ replayed_as }) => replayed_as === null)).toHaveLength(count);
      return dead;
    });
  }

  it('sends the event again under its own id and sequence, with attempts of its own', async () => {
    const target = await changeable(503);
    const endpoint = await anEndpoint(target.url);
    await service.tell([anEvent(caller)]);
    const [dead] = await exhaust(endpoint.id);
    expect(dead).toMatchObject({ status: 'dead', attempts_made: 8, next_attempt_at: null });
    expect((await deadLetters()).data).toEqual([{ ...dead, last_error: { stage: 'status', code: '503', detail: 'answered 503' } }]);
    expect((await service.get(caller, `/webhook_endpoints/${endpoint.id}`)).json<WebhookEndpoint>().health.dead).toBe(1);

    target.state.status = 200;
    const answer = await replay(dead!.id);
    const again = answer.json<Delivery>();
    expect([answer.statusCode, answer.headers['location'], answer.headers['etag']]).toEqual([201, `/deliveries/${again.id}`, 'W/"1"']);
    expect(again).toMatchObject({ event_id: dead!.event_id, sequence: 1, status: 'pending', attempts_made: 0, replay_of: dead!.id });
    await eventually(async () =>
      expect((await service.get(caller, `/deliveries/${again.id}`)).json()).toMatchObject({
        status: 'delivered',
        attempts_made: 1,
        attempts: [{ number: 1, status_code: 200 }],
      }),
    );
    const [first, ...later] = target.arrivals;
    const last = later.at(-1)!;
    expect([last.body, last.headers['webhook-id'], last.headers['webhook-sequence'], last.headers['webhook-attempt']]).toEqual([
      first!.body,
      dead!.event_id,
      '1',
      '1/8',
    ]);
    // It is no dead letter any more, though what happened to it stays.
    expect((await deadLetters()).data).toEqual([]);
    expect((await service.get(caller, `/deliveries/${dead!.id}`)).json()).toMatchObject({
      status: 'dead',
      attempts_made: 8,
      replayed_as: again.id,
      version: dead!.version + 1,
    });
    expect((await service.get(caller, `/webhook_endpoints/${endpoint.id}`)).json<WebhookEndpoint>().health.dead).toBe(0);
    await target.close();
  });

  it('can fail as well: then the replay is the dead letter, once, and can be replayed', async () => {
    const target = await changeable(500);
    const endpoint = await anEndpoint(target.url);
    await service.tell([anEvent(caller)]);
    const [dead] = await exhaust(endpoint.id);
    const again = (await replay(dead!.id)).json<Delivery>();
    await exhaust(endpoint.id);
    expect((await deadLetters()).data).toMatchObject([{ id: again.id, replay_of: dead!.id }]);
    target.state.status = 204;
    const third = (await replay(again.id)).json<Delivery>();
    expect(third).toMatchObject({ replay_of: dead!.id, status: 'pending' });
    await eventually(async () => expect((await deliveriesOf(endpoint.id, '?status=delivered')).map(({ id }) => id)).toEqual([third.id]));
    expect((await deadLetters()).data).toEqual([]);
    await target.close();
  });

  it('takes what was delivered too, one at a time: who asks while one is under way is answered with that one', async () => {
    const held: (() => void)[] = [];
    const target = await receiver((_, response) => void held.push(() => response.writeHead(200).end()));
    const endpoint = await anEndpoint(target.url);
    await service.tell([anEvent(caller)]);
    await eventually(() => expect(held).toHaveLength(1));
    const [underWay] = await deliveriesOf(endpoint.id);
    const early = await replay(underWay!.id);
    expect([early.statusCode, early.json<{ code: string }>().code]).toEqual([409, 'delivery_pending']);
    held.shift()!();
    await eventually(async () => expect((await deliveriesOf(endpoint.id))[0]!.status).toBe('delivered'));

    const answers = await Promise.all(Array.from({ length: 5 }, () => replay(underWay!.id)));
    const made = answers.filter(({ statusCode }) => statusCode === 201);
    expect(made).toHaveLength(1);
    expect(
      answers.filter(({ statusCode }) => ![200, 201].includes(statusCode)).map((answer) => answer.json<{ code: string }>().code),
    ).toEqual(answers.filter(({ statusCode }) => ![200, 201].includes(statusCode)).map(() => 'delivery_pending'));
    const present = await replay(underWay!.id);
    expect([present.statusCode, present.json<Delivery>().id]).toEqual([200, made[0]!.json<Delivery>().id]);
    await eventually(() => expect(held).toHaveLength(1));
    held.shift()!();
    await eventually(async () => expect((await deliveriesOf(endpoint.id)).map(({ status }) => status)).toEqual(['delivered', 'delivered']));
    expect(target.arrivals).toHaveLength(2);
    await target.close();
  });

  it('is answered once per key', async () => {
    const target = await receiver();
    const endpoint = await anEndpoint(target.url);
    await service.tell([anEvent(caller)]);
    const [delivery] = await eventually(async () => {
      const found = await deliveriesOf(endpoint.id, '?status=delivered');
      expect(found).toHaveLength(1);
      return found;
    });
    const key = { 'idempotency-key': newId('idem') };
    const first = await replay(delivery!.id, key);
    await eventually(() => expect(target.arrivals).toHaveLength(2));
    const again = await replay(delivery!.id, key);
    expect([again.statusCode, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    expect(await deliveriesOf(endpoint.id)).toHaveLength(2);
    await target.close();
  });

  it('has nowhere to go when the endpoint is deleted', async () => {
    const target = await receiver();
    const endpoint = await anEndpoint(target.url);
    await service.tell([anEvent(caller)]);
    const [delivery] = await eventually(async () => {
      const found = await deliveriesOf(endpoint.id, '?status=delivered');
      expect(found).toHaveLength(1);
      return found;
    });
    await service.delete(caller, `/webhook_endpoints/${endpoint.id}`);
    const answer = await replay(delivery!.id);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([409, 'endpoint_deleted']);
    await target.close();
  });

  it('is 404 to strangers', async () => {
    const target = await receiver();
    const endpoint = await anEndpoint(target.url);
    await service.tell([anEvent(caller)]);
    const [delivery] = await eventually(async () => {
      const found = await deliveriesOf(endpoint.id);
      expect(found).toHaveLength(1);
      return found;
    });
    for (const who of [aCaller(), { ...caller, livemode: false }]) {
      expect((await service.post(who, `/deliveries/${delivery!.id}/replay`)).statusCode).toBe(404);
      expect((await service.get(who, '/dead_letters')).json<List<DeadLetter>>().data).toEqual([]);
    }
    await target.close();
  });

  it('lists dead letters and deliveries by endpoint, type, stage and time, in pages', async () => {
    const failing = await changeable(500);
    const closed = await receiver();
    await closed.close();
    const [one, two] = [await anEndpoint(failing.url), await anEndpoint(closed.url)];
    await service.tell([anEvent(caller, 'task.created'), anEvent(caller, 'task.created'), anEvent(caller, 'project.closed')]);
    await Promise.all([exhaust(one.id, 3), exhaust(two.id, 3)]);
    const ofEach = async (query: string) => (await deadLetters(query)).data.map(({ endpoint_id, event_type }) => [endpoint_id, event_type]);
    const all = await deadLetters('?limit=100');
    expect(all.data).toHaveLength(6);
    expect(all.data.map(({ id }) => id)).toEqual(
      all.data
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    expect(await ofEach(`?endpoint_id=${one.id}&event_type=project.closed`)).toEqual([[one.id, 'project.closed']]);
    expect(new Set((await ofEach('?stage=connect')).map(([id]) => id))).toEqual(new Set([two.id]));
    expect(await ofEach('?stage=tls')).toEqual([]);
    const died = all.data.map(({ updated_at }) => updated_at).sort();
    expect(await ofEach(`?until=${died[0]}`)).toEqual([]);
    expect(await ofEach(`?since=${died[0]}`)).toHaveLength(6);
    expect(await ofEach(`?endpoint_id=${newId('whk')}`)).toEqual([]);

    const walked: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: List<DeadLetter> = await deadLetters(`?limit=2${cursor && `&cursor=${cursor}`}`);
      walked.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(walked).toEqual(all.data.map(({ id }) => id));

    const deliveries = await deliveriesOf(one.id);
    expect(await deliveriesOf(one.id, '?event_type=project.closed&status=dead')).toHaveLength(1);
    expect(await deliveriesOf(one.id, '?status=delivered')).toEqual([]);
    const made = deliveries.map(({ created_at }) => Date.parse(created_at)).sort((a, b) => a - b);
    // To the microsecond in the database, to the millisecond over the wire.
    const after = new Date(made.at(-1)! + 1).toISOString();
    expect(await deliveriesOf(one.id, `?since=${after}`)).toEqual([]);
    expect(await deliveriesOf(one.id, `?until=${after}`)).toHaveLength(3);
    expect(await deliveriesOf(one.id, `?since=${new Date(made[0]!).toISOString()}&until=${after}`)).toHaveLength(3);
    const bad = await service.get(caller, '/dead_letters?since=yesterday&stage=luck&endpoint_id=tsk_1');
    expect([bad.statusCode, bad.json<{ errors: { pointer: string }[] }>().errors.map(({ pointer }) => pointer)]).toEqual([
      422,
      ['/endpoint_id', '/since', '/stage'],
    ]);
    await failing.close();
  });
});
