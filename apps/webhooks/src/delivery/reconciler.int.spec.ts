import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { EVENT_TYPES, type EventType } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { Caller } from '@works/platform/caller';
import { serviceConfig } from '@works/platform/config';
import { Metrics } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { openPool } from '@works/platform/postgres';
import { runService, type RunningService } from '@works/platform/service';
import { aCaller, eventually, insertFacts, testDatabase, type TestDatabase } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';
import { Reconciler } from './reconciler';
import { fanOut } from './fan-out';
import { aNewEvent, newEvents, takingNothing } from './workers.examples';

/** A service that only has facts to tell. */
@Module({})
class Teller {}

describe('the reconciler', () => {
  const socket = join(tmpdir(), `${newId('spec')}.sock`);
  let webhooks: WebhooksService;
  let store: TestDatabase;
  let facts: Pool;
  let workers: Pool;
  let teller: RunningService;

  beforeAll(async () => {
    webhooks = await startWebhooks({ environment: { PROJECTS_URL: `unix:${socket}`, TASKS_URL: `unix:${socket}` } });
    store = await testDatabase('platform');
    facts = openPool(store.superuserUrl, { max: 2, applicationName: 'spec' });
    workers = openPool(webhooks.own.workerUrl, { max: 2, applicationName: 'spec' });
    teller = await runService(
      { name: 'tasks', module: Teller, sources: [], topics: EVENT_TYPES, publish: () => null, catalogue: PROBLEMS },
      serviceConfig({
        LISTEN: socket,
        DATABASE_URL: store.appUrl,
        WORKER_DATABASE_URL: store.workerUrl,
        EVENT_LOG: 'embedded',
        LOG_DATABASE_URL: webhooks.logUrl,
        WORKS_SECRET: 'a secret of the specs, long enough to be one',
        LOG_LEVEL: 'silent',
      }),
    );
  });

  afterAll(async () => {
    await teller.stop();
    await Promise.all([facts.end(), workers.end(), webhooks.stop()]);
    await store.drop();
  });

  const reconcile = () => webhooks.app.get(Reconciler).reconcile();
  const found = async (): Promise<Record<string, number>> => {
    const text = await webhooks.app.get(Metrics).text();
    const lines = [...text.matchAll(/^works_webhooks_reconciled_total\{kind="(\w+)".*\} (\d+)$/gm)];
    return Object.fromEntries(lines.map(([, kind, count]) => [kind, Number(count)]));
  };
  /** What one look counts. */
  const reconciling = async () => {
    const before = await found();
    await reconcile();
    return Object.fromEntries(
      Object.entries(await found()).flatMap(([kind, count]) => (count > before[kind]! ? [[kind, count - before[kind]!]] : [])),
    );
  };
  /** An endpoint that is asleep, so that its deliveries wait. */
  const endpoint = async (caller: Caller, events: readonly EventType[] = [], url = 'https://asleep.example/'): Promise<string> => {
    const id = newId('whk');
    await webhooks.owner.query(
      `insert into webhook_endpoints (id, organization_id, livemode, url, events, status, disabled_reason, max_in_flight, headers, secret, created_at, updated_at)
       values ($1, $2, $3, $5, $4, 'disabled', 'for a spec', 4, '{}', 'whsec_c3BlYw==', now(), now())`,
      [id, caller.organizationId, caller.livemode, events, url],
    );
    return id;
  };
  const deliveries = async (id: string) =>
    (
      await webhooks.owner.query(
        `select d.sequence::int, d.event_id, d.status, d.due_at <= now() as due from deliveries d where d.endpoint_id = $1 order by d.sequence`,
        [id],
      )
    ).rows;
  const lose = (id: string, sequences: readonly number[]) =>
    webhooks.owner.query('delete from deliveries where endpoint_id = $1 and sequence = any ($2)', [id, sequences]);

  it('finds nothing where nothing is wrong', async () => {
    const caller = aCaller();
    await endpoint(caller);
    await fanOut(workers, newEvents(caller, 5), takingNothing());
    expect(await reconciling()).toEqual({});
    expect(await found()).toEqual({ event_not_taken_in: 0, sequence_missing: 0, sequence_unexplained: 0, delivery_without_future: 0 });
  });

  it('makes lost deliveries anew, under their numbers, in the middle and at the end', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    await fanOut(workers, newEvents(caller, 9), takingNothing());
    const before = await deliveries(id);
    await lose(id, [1, 4, 5, 9]);
    expect(await reconciling()).toEqual({ sequence_missing: 4 });
    expect(await deliveries(id)).toEqual(before);
    expect(await reconciling()).toEqual({});
  });

  it('finds what was lost for an endpoint that wanted only some events, whatever it wants by now', async () => {
    const caller = aCaller();
    const id = await endpoint(caller, ['task.created']);
    const wanted = newEvents(caller, 3);
    await fanOut(workers, [...wanted, aNewEvent(caller, 'task.completed')], takingNothing());
    await lose(id, [2]);
    await webhooks.owner.query(`update webhook_endpoints set events = '{project.*}' where id = $1`, [id]);
    expect(await reconciling()).toEqual({ sequence_missing: 1 });
    expect((await deliveries(id)).map((delivery) => delivery.event_id)).toEqual(wanted.map((event) => event.id));
  });

  // To send what was perhaps not wanted would be worse than to say that a number is missing.
  it('does not guess which event it was, and says so', async () => {
    const caller = aCaller();
    const id = await endpoint(caller, ['task.created']);
    const unwanted = () => aNewEvent(caller, 'task.completed');
    await fanOut(workers, [aNewEvent(caller), unwanted(), aNewEvent(caller), unwanted(), aNewEvent(caller)], takingNothing());
    await lose(id, [2]);
    expect(await reconciling()).toEqual({ sequence_unexplained: 1 });
    expect((await deliveries(id)).map((delivery) => delivery.sequence)).toEqual([1, 3]);
    expect(await reconciling()).toEqual({});
  });

  it('gives deliveries that wait in vain an end or a time', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    await fanOut(workers, newEvents(caller, 4), takingNothing());
    const set = (change: string, sequence: number) =>
      webhooks.owner.query(`update deliveries set ${change} where endpoint_id = $1 and sequence = $2`, [id, sequence]);
    await set('attempts_made = 8', 1);
    await set(`due_at = now() + interval '2 days'`, 2);
    // The longest wait of the schedule is nothing unusual.
    await set(`attempts_made = 7, next_attempt_at = now() + interval '2 hours', due_at = now() + interval '2 hours'`, 3);
    expect(await reconciling()).toEqual({ delivery_without_future: 2 });
    expect((await deliveries(id)).map(({ status, due }) => [status, due])).toEqual([
      ['dead', true],
      ['pending', true],
      ['pending', false],
      ['pending', true],
    ]);
  });

  it('cancels what waits for an endpoint that is gone', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    await fanOut(workers, newEvents(caller, 2), takingNothing());
    await webhooks.owner.query('update webhook_endpoints set deleted_at = now() where id = $1', [id]);
    expect(await reconciling()).toEqual({ delivery_without_future: 2 });
    expect((await deliveries(id)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });

  /** A fact of the other service, which its relay publishes. */
  const tell = async (caller: Caller): Promise<string> => {
    const { id, topic, key, value } = anEvent(caller);
    await insertFacts(facts, [{ id, organizationId: caller.organizationId, livemode: caller.livemode, topic, key, value }]);
    return id;
  };
  const taken = async (caller: Caller): Promise<string[]> =>
    (
      await webhooks.owner.query<{ id: string }>('select id from event_log where organization_id = $1 order by position', [
        caller.organizationId,
      ])
    ).rows.map(({ id }) => id);

  // As when the event log has lost messages, or a fan-out failed so often that the log gave the event up.
  it('has facts told again that another service has published and that never became events', async () => {
    const caller = aCaller();
    const target = await receiver();
    const told = [await tell(caller), await tell(caller), await tell(caller)];
    await eventually(async () => expect(await taken(caller)).toHaveLength(3));
    await webhooks.owner.query('delete from event_log where id = any ($1)', [told.slice(1)]);
    const id = await endpoint(caller, [], target.url);
    await webhooks.owner.query(`update webhook_endpoints set status = 'enabled', disabled_reason = null where id = $1`, [id]);

    expect(await reconciling()).toEqual({ event_not_taken_in: 2 });
    await eventually(() => expect(target.arrivals.map(({ headers }) => headers['webhook-id']).sort()).toEqual(told.slice(1).sort()));
    expect((await taken(caller)).sort()).toEqual([...told].sort());
    expect(await reconciling()).toEqual({});
    await target.close();
  });

  it('works in one place at a time', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    await fanOut(workers, newEvents(caller, 3), takingNothing());
    await lose(id, [2]);
    const other = await workers.connect();
    await other.query('select pg_advisory_lock($1)', [0x7265636f]);
    expect(await reconciling()).toEqual({});
    await other.query('select pg_advisory_unlock($1)', [0x7265636f]);
    other.release();
    expect(await reconciling()).toEqual({ sequence_missing: 1 });
  });
});
