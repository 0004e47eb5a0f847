import type { Replay, ReplayPreview } from '@works/contracts/replays';
import type { DeadLetter, Delivery, WebhookEndpoint } from '@works/contracts/webhooks';
import type { EventType } from '@works/contracts/events';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { killPending } from '../delivery/dead-letters.examples';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

describe('a replay of dead letters', () => {
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

  /** An endpoint with so many dead letters of each type. */
  async function dying(types: EventType[], stage = 'status'): Promise<WebhookEndpoint> {
    const endpoint = (
      await service.post(caller, '/webhook_endpoints', { url: target.url, events: [...new Set(types)] })
    ).json<WebhookEndpoint>();
    await service.post(caller, `/webhook_endpoints/${endpoint.id}/disable`);
    const events = types.map((type) => anEvent(caller, type));
    await service.tell(events);
    await eventually(async () => expect(await deliveries(endpoint.id, '?status=pending&limit=100')).toHaveLength(types.length));
    await killPending(service.owner, endpoint.id, stage);
    await service.post(caller, `/webhook_endpoints/${endpoint.id}/enable`);
    return endpoint;
  }
  const deliveries = async (id: string, query = '?limit=100') =>
    (await service.get(caller, `/webhook_endpoints/${id}/deliveries${query}`)).json<{ data: Delivery[] }>().data;
  const deadLetters = async () => (await service.get(caller, '/dead_letters?limit=100')).json<{ data: DeadLetter[] }>().data;
  const start = (body: object = {}, headers = {}) => service.post(caller, '/dead_letters/replay', body, headers);
  const started = async (body: object = {}) => (await start(body)).json<Replay>();
  const read = async (id: string) => (await service.get(caller, `/replays/${id}`)).json<Replay>();
  const change = (id: string, verb: 'pause' | 'resume' | 'cancel', headers = {}) =>
    service.post(caller, `/replays/${id}/${verb}`, {}, headers);
  const ended = (id: string) =>
    eventually(async () => {
      const replay = await read(id);
      expect(replay.status).toBe('completed');
      return replay;
    });
  const codeOf = (answer: { statusCode: number; json: <T>() => T }) => [answer.statusCode, answer.json<{ code: string }>().code];

  it('gives each of them a new delivery of the same event, and says how far it is', async () => {
    const endpoint = await dying(Array(30).fill('task.created'));
    const dead = await deadLetters();
    const answer = await start({ filter: { endpoint_id: endpoint.id }, rate_per_second: 1_000 });
    const replay = answer.json<Replay>();
    expect([answer.statusCode, answer.headers['location'], answer.headers['etag']]).toEqual([202, `/replays/${replay.id}`, 'W/"1"']);
    expect(replay).toMatchObject({
      object: 'replay',
      kind: 'dead_letters',
      status: 'running',
      filter: { endpoint_id: endpoint.id, event_type: null, stage: null, since: null, until: null, from_position: null },
      progress: { total: 30, replayed: 0, skipped: 0, remaining: 30 },
      ended_at: null,
    });
    expect((await ended(replay.id)).progress).toEqual({ total: 30, replayed: 30, skipped: 0, remaining: 0 });
    await eventually(() => expect(target.arrivals).toHaveLength(30));
    expect(
      target.arrivals.map(({ headers }) => [headers['webhook-id'], headers['webhook-sequence'], headers['webhook-attempt']]).sort(),
    ).toEqual(dead.map(({ event_id, sequence }) => [event_id, String(sequence), '1/8']).sort());
    expect(await deadLetters()).toEqual([]);
    const made = (await deliveries(endpoint.id)).filter(({ replay_of }) => replay_of !== null);
    expect(new Set(made.map(({ replay_of }) => replay_of))).toEqual(new Set(dead.map(({ id }) => id)));
    const [replays] = [(await service.get(caller, '/replays')).json<{ data: Replay[] }>().data];
    expect(replays.map(({ id }) => id)).toEqual([replay.id]);
    expect((await service.get(caller, '/replays?status=running')).json<{ data: Replay[] }>().data).toEqual([]);
  });

  it('counts in a dry run exactly what it would replay, by each filter, and writes nothing', async () => {
    const [one, two] = [await dying(['task.created', 'task.created', 'project.closed']), await dying(['task.created'], 'connect')];
    const died = (await deadLetters()).map(({ updated_at }) => updated_at).sort();
    const counts = async (filter: object) => (await start({ filter, dry_run: true, rate_per_second: 2 })).json<ReplayPreview>().total;
    // The second endpoint asked for a type that the first events also had; the first ones were before its time.
    expect(await counts({})).toBe(4);
    expect(await counts({ endpoint_id: one.id })).toBe(3);
    expect(await counts({ event_type: 'project.closed' })).toBe(1);
    expect(await counts({ stage: 'connect' })).toBe(1);
    expect(await counts({ endpoint_id: one.id, stage: 'connect' })).toBe(0);
    expect([await counts({ until: died[0] }), await counts({ since: died[0] })]).toEqual([0, 4]);
    const preview = await start({ filter: { endpoint_id: one.id }, dry_run: true, rate_per_second: 2 });
    expect([preview.statusCode, preview.json()]).toMatchObject([200, { object: 'replay_preview', dry_run: true, total: 3, seconds: 2 }]);
    const { rows } = await service.owner.query(
      `select (select count(*)::int from replay_jobs where organization_id = $1) as jobs,
              (select count(*)::int from deliveries where organization_id = $1 and replay_of is not null) as replays,
              (select count(*)::int from idempotency_keys where organization_id = $1 and body like '%replay_preview%') as remembered`,
      [caller.organizationId],
    );
    expect(rows).toEqual([{ jobs: 0, replays: 0, remembered: 0 }]);

    const replay = await started({ filter: { stage: 'connect' } });
    expect((await ended(replay.id)).progress).toMatchObject({ total: 1, replayed: 1 });
    expect((await deadLetters()).map(({ endpoint_id }) => endpoint_id)).toEqual([one.id, one.id, one.id]);
    expect((await deliveries(two.id)).map(({ replay_of }) => replay_of !== null)).toEqual([true, false]);
  });

  it('is paused, goes on where it was, and is cancelled; what it has not reached stays dead', async () => {
    await dying(Array(40).fill('task.created'));
    const { id } = await started({ rate_per_second: 10 });
    await eventually(async () => expect((await read(id)).progress.replayed).toBeGreaterThan(2));
    const paused = (await change(id, 'pause')).json<Replay>();
    expect(paused.status).toBe('paused');
    expect((await change(id, 'pause')).json<Replay>()).toEqual(paused);
    expect(await deadLetters()).toHaveLength(40 - paused.progress.replayed);
    const resumed = await change(id, 'resume');
    expect([resumed.statusCode, resumed.json<Replay>().status]).toEqual([200, 'running']);
    await eventually(async () => expect((await read(id)).progress.replayed).toBeGreaterThan(paused.progress.replayed));
    const cancelled = (await change(id, 'cancel')).json<Replay>();
    expect(cancelled).toMatchObject({ status: 'cancelled', ended_at: expect.any(String) as string });
    expect(cancelled.progress.remaining).toBe(40 - cancelled.progress.replayed);
    expect((await change(id, 'cancel')).json<Replay>()).toEqual(cancelled);
    for (const verb of ['pause', 'resume'] as const) expect(codeOf(await change(id, verb))).toEqual([409, 'replay_ended']);
    const left = await deadLetters();
    expect(left).toHaveLength(cancelled.progress.remaining);
    // The newest are left: it began with the oldest.
    expect(Math.min(...left.map(({ sequence }) => sequence))).toBe(cancelled.progress.replayed + 1);
    await eventually(() => expect(target.arrivals).toHaveLength(cancelled.progress.replayed));
    expect(await read(id)).toEqual(cancelled);
  });

  it('keeps to its rate', async () => {
    await dying(Array(12).fill('task.created'));
    const at = performance.now();
    await ended((await started({ rate_per_second: 10 })).id);
    expect(performance.now() - at).toBeGreaterThan(1_000);
  });

  it('replays none twice, however many ask for the same', async () => {
    const endpoint = await dying(Array(60).fill('task.created'));
    const [single] = await deadLetters();
    const [first, second] = await Promise.all([
      started({ rate_per_second: 300 }),
      started({ rate_per_second: 300 }),
      service.post(caller, `/deliveries/${single!.id}/replay`),
    ]);
    const both = await Promise.all([ended(first.id), ended(second.id)]);
    expect(both.map(({ progress }) => progress.replayed).reduce((sum, one) => sum + one)).toBeGreaterThanOrEqual(59);
    for (const { progress } of both) expect(progress.replayed + progress.skipped).toBe(progress.total);
    await eventually(() => expect(target.arrivals).toHaveLength(60));
    const made = (await service.owner.query('select from deliveries where endpoint_id = $1 and replay_of is not null', [endpoint.id]))
      .rowCount;
    expect(made).toBe(60);
  });

  it('does not replay what dies while it runs: that is for the next', async () => {
    const endpoint = await dying(Array(20).fill('task.created'));
    await service.post(caller, `/webhook_endpoints/${endpoint.id}/disable`);
    const { id } = await started({ rate_per_second: 20 });
    await eventually(async () => expect((await read(id)).progress.replayed).toBeGreaterThan(3));
    await killPending(service.owner, endpoint.id);
    expect((await ended(id)).progress).toEqual({ total: 20, replayed: 20, skipped: 0, remaining: 0 });
    expect((await deadLetters()).length).toBeGreaterThan(3);
  });

  it('is answered once per key, as are its changes', async () => {
    await dying(['task.created']);
    const key = { 'idempotency-key': newId('idem') };
    const first = await start({}, key);
    const again = await start({}, key);
    expect([again.statusCode, again.body, again.headers['idempotent-replayed']]).toEqual([202, first.body, 'true']);
    expect(codeOf(await start({ rate_per_second: 5 }, key))).toEqual([409, 'idempotency_key_reused']);
    const { id } = first.json<Replay>();
    await ended(id);
    const cancelling = { 'idempotency-key': newId('idem') };
    const refused = await change(id, 'cancel', cancelling);
    expect(codeOf(refused)).toEqual([409, 'replay_ended']);
    expect((await change(id, 'cancel', cancelling)).headers['idempotent-replayed']).toBe('true');
    expect(codeOf(await change(id, 'cancel', { 'if-match': 'W/"1"' }))).toEqual([412, 'version_conflict']);
  });

  it('is one of ten at most that have not ended', async () => {
    const jobs = await Promise.all(Array.from({ length: 12 }, () => start({ rate_per_second: 1 })));
    // Empty ones end at once and make room, so they are kept from ending.
    expect(jobs.filter(({ statusCode }) => statusCode === 202).length).toBeGreaterThanOrEqual(10);
    await dying(Array(10).fill('task.created'));
    const slow: string[] = [];
    for (;;) {
      const answer = await start({ rate_per_second: 1 });
      if (answer.statusCode !== 202) {
        expect(codeOf(answer)).toEqual([409, 'too_many_replays']);
        break;
      }
      slow.push(answer.json<Replay>().id);
      await change(slow.at(-1)!, 'pause');
      expect(slow.length).toBeLessThanOrEqual(10);
    }
    expect(slow).toHaveLength(10);
    await change(slow[0]!, 'cancel');
    expect((await start()).statusCode).toBe(202);
  });

  it('is 404 to strangers, who find no endpoint of others either', async () => {
    const endpoint = await dying(['task.created']);
    const { id } = await started({ rate_per_second: 1 });
    for (const who of [aCaller(), { ...caller, livemode: false }]) {
      expect((await service.get(who, `/replays/${id}`)).statusCode).toBe(404);
      expect((await service.get(who, '/replays')).json<{ data: Replay[] }>().data).toEqual([]);
      for (const verb of ['pause', 'resume', 'cancel']) expect((await service.post(who, `/replays/${id}/${verb}`)).statusCode).toBe(404);
      const filtered = await service.post(who, '/dead_letters/replay', { filter: { endpoint_id: endpoint.id } });
      expect([filtered.statusCode, filtered.json()]).toMatchObject([
        422,
        { code: 'unknown_reference', errors: [{ pointer: '/filter/endpoint_id' }] },
      ]);
      expect((await service.post(who, '/dead_letters/replay', { dry_run: true })).json<ReplayPreview>().total).toBe(0);
    }
  });

  it('names every bad field', async () => {
    const bad = await start({
      filter: { endpoint_id: 'tsk_1', event_type: 'luck', stage: 'x', since: 'now', more: 1 },
      rate_per_second: 0,
    });
    expect([
      bad.statusCode,
      bad
        .json<{ errors: { pointer: string }[] }>()
        .errors.map(({ pointer }) => pointer)
        .sort(),
    ]).toEqual([422, ['/filter/endpoint_id', '/filter/event_type', '/filter/more', '/filter/since', '/filter/stage', '/rate_per_second']]);
  });
});
