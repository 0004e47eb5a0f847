import fc from 'fast-check';
import { Registry } from 'prom-client';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { createLogger } from '@works/platform/logging';
import { openPool } from '@works/platform/postgres';
import { aCaller } from '@works/platform/testing';
import { startWebhooks, type WebhooksService } from '../webhooks-service.examples';
import { Retention } from './retention';
import { fanOut } from './fan-out';
import { aNewEvent, newEvents, takingNothing } from './workers.examples';

const DAY_MS = 86_400_000;
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);

/** The id of an event that was made at a time. */
function eventIdAt(time: Date): string {
  let rest = time.getTime();
  let begin = '';
  for (let digit = 0; digit < 10; digit++, rest = Math.floor(rest / 32)) begin = CROCKFORD[rest % 32]! + begin;
  return `evt_${begin}${newId('evt').slice(14)}`;
}

/** The Monday of a time, in days since 1970. */
const weekOf = (time: Date) => {
  const day = Math.floor(time.getTime() / DAY_MS);
  return day - ((day + 3) % 7);
};

describe('retention', () => {
  let webhooks: WebhooksService;
  let workers: ReturnType<typeof openPool>;

  beforeAll(async () => {
    webhooks = await startWebhooks();
    workers = openPool(webhooks.own.workerUrl, { max: 4, applicationName: 'spec' });
  });
  afterAll(async () => {
    await workers.end();
    await webhooks.stop();
  });

  const retention = (now = new Date(), eventRetentionDays = 30) =>
    new Retention({
      pool: workers,
      retentionDays: 30,
      eventRetentionDays,
      registry: new Registry(),
      logger: createLogger({ name: 'spec', level: 'silent' }),
      now: () => now,
    });

  async function endpoint(caller: Caller): Promise<string> {
    const { id } = (await webhooks.post(caller, '/webhook_endpoints', { url: 'http://127.0.0.1:1/hooks' })).json<{ id: string }>();
    await webhooks.post(caller, `/webhook_endpoints/${id}/disable`);
    return id;
  }

  /** As if an event had been made and its delivery had ended so many days ago; null has it wait still. */
  async function history(caller: Caller, endpointId: string, made: number, ended: number | null): Promise<string> {
    const event = { ...aNewEvent(caller), id: eventIdAt(daysAgo(made)) };
    await fanOut(workers, [event], takingNothing());
    await webhooks.owner.query(
      `update deliveries set created_at = $3, updated_at = coalesce($4::timestamptz, $3), week = works_week($4::timestamptz), status = case when $4::timestamptz is null then 'pending' else 'delivered' end,
              next_attempt_at = case when $4::timestamptz is null then next_attempt_at end, delivered_at = $4::timestamptz, attempts_made = 1 where event_id = $1 and endpoint_id = $2`,
      [event.id, endpointId, daysAgo(made), ended === null ? null : daysAgo(ended)],
    );
    await webhooks.owner.query(
      `insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, duration_ms, timings)
         select $1, organization_id, livemode, id, endpoint_id, 1, $3, 1, '{}' from deliveries where event_id = $2`,
      [newId('att'), event.id, daysAgo(ended ?? made)],
    );
    return event.id;
  }

  const kept = async (table: 'deliveries' | 'event_log' | 'attempts', caller: Caller): Promise<number> =>
    (await webhooks.owner.query(`select from ${table} where organization_id = $1`, [caller.organizationId])).rowCount!;

  it('lets whole weeks leave that ended before the age, and nothing younger', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    for (const days of [60, 45, 2, 1]) await history(caller, id, days, days);
    await retention().keep();
    expect([await kept('event_log', caller), await kept('deliveries', caller), await kept('attempts', caller)]).toEqual([2, 2, 2]);
  });

  // A receiver that proves that it missed nothing depends on it: it may be told, never led over a place in silence.
  it('says to a reader that its place has left, and where it can go on', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    for (const days of [60, 45, 2, 1]) await history(caller, id, days, days);
    await retention().keep();
    for (const [url, next] of [
      ['/events', 'position'],
      [`/webhook_endpoints/${id}/events`, 'sequence'],
    ] as const) {
      const refused = await webhooks.get(caller, `${url}?after=0`);
      expect([refused.statusCode, refused.json()]).toMatchObject([410, { code: 'no_longer_kept', left_through: 2 }]);
      expect((await webhooks.get(caller, `${url}?after=1`)).statusCode).toBe(410);
      const numbers = async (query: string) =>
        (await webhooks.get(caller, `${url}${query}`)).json<{ data: Record<string, number>[] }>().data.map((row) => row[next]);
      expect(await numbers('?after=2')).toEqual([3, 4]);
      expect(await numbers('')).toEqual([3, 4]);
      expect(await numbers('?after=4')).toEqual([]);
    }
    const replay = (body: object) => webhooks.post(caller, `/webhook_endpoints/${id}/replay`, { ...body, dry_run: true });
    expect((await replay({ from_position: 2 })).statusCode).toBe(410);
    expect((await replay({ since: daysAgo(50).toISOString() })).statusCode).toBe(410);
    expect((await replay({ from_position: 3 })).statusCode).toBe(200);
  });

  // A project's timeline is read from the events, and a project takes months.
  it('keeps events for as long as it is told to, beyond their deliveries', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    for (const days of [60, 45, 2]) await history(caller, id, days, days);
    await retention(new Date(), 365).keep();
    expect([await kept('event_log', caller), await kept('deliveries', caller), await kept('attempts', caller)]).toEqual([3, 1, 1]);
    expect((await webhooks.get(caller, '/events?after=0')).json<{ data: object[] }>().data).toHaveLength(3);
    const refused = await webhooks.get(caller, `/webhook_endpoints/${id}/events?after=0`);
    expect([refused.statusCode, refused.json()]).toMatchObject([410, { code: 'no_longer_kept', left_through: 2 }]);
    await retention(new Date(), 7).keep();
    expect(await kept('event_log', caller)).toBe(1);
  });

  it('makes a dead letter of what waited for longer, tells of it, and keeps what waits for less', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    await webhooks.post(caller, '/webhook_endpoints', { url: 'http://127.0.0.1:1/hooks', events: ['delivery.dead_lettered'] });
    const old = await history(caller, id, 45, null);
    const young = await history(caller, id, 20, null);
    await retention().keep();
    const { data } = (await webhooks.get(caller, '/dead_letters')).json<{ data: object[] }>();
    expect(data).toMatchObject([{ event_id: old, status: 'dead', last_error: { stage: 'expired' } }]);
    const { rows } = await webhooks.owner.query('select status from deliveries where event_id = $1', [young]);
    expect(rows).toEqual([{ status: 'pending' }]);
    expect((await webhooks.get(caller, '/events?type=delivery.dead_lettered')).json<{ data: object[] }>().data).toHaveLength(1);
    const [dead] = data as { id: string }[];
    const again = await webhooks.post(caller, `/deliveries/${dead!.id}/replay`);
    expect([again.statusCode, again.json()]).toMatchObject([410, { code: 'no_longer_kept' }]);
  });

  it('keeps the events of a week while something pending needs one', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    const event = await history(caller, id, 45, null);
    await webhooks.owner.query(`update deliveries set lease_token = 'wrk_x.1', due_at = now() + interval '1 hour' where event_id = $1`, [
      event,
    ]);
    await retention().keep();
    expect([await kept('event_log', caller), await kept('attempts', caller)]).toEqual([1, 1]);
    await webhooks.owner.query(`update deliveries set lease_token = null where event_id = $1`, [event]);
    await retention().keep();
    expect((await webhooks.get(caller, `/events/${event}`)).statusCode).toBe(404);
  });

  it('has a place for every row after an absence of a month, and for an event that comes again at midnight', async () => {
    const caller = aCaller();
    const id = await endpoint(caller);
    const monday = (await webhooks.owner.query<{ at: Date }>(`select (works_week(now()) + 35)::timestamp at time zone 'UTC' as at`))
      .rows[0]!.at;
    const event = { ...aNewEvent(caller), id: eventIdAt(new Date(monday.getTime() - 1)) };
    const next = { ...aNewEvent(caller), id: eventIdAt(monday) };
    await fanOut(workers, [event, next], takingNothing());
    await Promise.all([retention(monday).keep(), retention(monday).keep()]);
    await fanOut(workers, [event, next], takingNothing());
    const { rows } = await webhooks.owner.query<{ table: string }>(
      `select tableoid::regclass::text as table from event_log where organization_id = $1 and type = 'task.created' order by position`,
      [caller.organizationId],
    );
    expect(rows.map(({ table }) => /^event_log_w\d{8}$/.test(table))).toEqual([true, true]);
    expect(new Set(rows.map(({ table }) => table)).size).toBe(2);
    expect(await kept('deliveries', caller)).toBe(2);
    expect((await webhooks.get(caller, `/webhook_endpoints/${id}/events`)).json<{ data: object[] }>().data).toHaveLength(2);
  });

  // Named by itself, a partition is as closed as the whole; and services can drop what has become old, and nothing else.
  it('closes every partition to a session without a tenant, and drops nothing that is young whatever is asked', async () => {
    const caller = aCaller();
    await endpoint(caller);
    await fanOut(workers, newEvents(caller, 1), takingNothing());
    const app = openPool(webhooks.own.appUrl, { max: 1, applicationName: 'spec' });
    try {
      const { rows: leaves } = await webhooks.owner.query<{ name: string }>(
        `select c.relname as name from pg_class c join pg_inherits i on i.inhrelid = c.oid where c.relkind = 'r'`,
      );
      expect(leaves.length).toBeGreaterThan(10);
      for (const { name } of leaves) expect((await app.query(`select from ${name}`)).rowCount).toBe(0);
      await expect(app.query('select works_drop_old_partitions(current_date, current_date)')).rejects.toThrow('permission denied');
      await expect(workers.query('drop table attempts_default')).rejects.toThrow('must be owner');
      await expect(workers.query(`select works_make_week(current_date, true)`)).rejects.toThrow('permission denied');
    } finally {
      await app.end();
    }
    await workers.query(`select works_drop_old_partitions('2999-01-01', '2999-01-01')`);
    expect([await kept('event_log', caller), await kept('deliveries', caller)]).toEqual([1, 1]);
  });

  it('leaves exactly what a model says, whenever things were made and ended', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ made: fc.integer({ min: 1, max: 90 }), took: fc.integer({ min: 0, max: 29 }), waits: fc.boolean() }), {
          maxLength: 12,
        }),
        async (lives) => {
          const caller = aCaller();
          const id = await endpoint(caller);
          const horizon = Math.floor(Date.now() / DAY_MS) - 30;
          const leaves = (time: Date) => weekOf(time) + 7 <= horizon;
          const events: string[] = [];
          const deliveries: string[] = [];
          for (const { made, took, waits } of lives) {
            // What waits is younger than the age: the rest is another promise.
            const ended = waits && made < 30 ? null : Math.max(0, made - took);
            const event = await history(caller, id, made, ended);
            if (!leaves(daysAgo(made))) events.push(event);
            if (ended === null || !leaves(daysAgo(ended))) deliveries.push(event);
          }
          await Promise.all([retention().keep(), retention().keep()]);
          const of = async (text: string) =>
            (await webhooks.owner.query<{ id: string }>(text, [caller.organizationId])).rows.map((row) => row.id).sort();
          expect(await of('select id from event_log where organization_id = $1')).toEqual(events.sort());
          expect(await of('select event_id as id from deliveries where organization_id = $1')).toEqual(deliveries.sort());
        },
      ),
      { numRuns: 8 },
    );
  });
});
