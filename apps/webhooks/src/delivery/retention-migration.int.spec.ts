import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { migrate, openPool } from '@works/platform/postgres';
import { testDatabase } from '@works/platform/testing';

const MIGRATIONS = resolve(__dirname, '../../../../prisma/webhooks/migrations');

describe('the migration to partitions', () => {
  // Nothing of what a service has promised before it may be missing, or found in another state, after it.
  it('carries every row over, whatever its status, into the week where it belongs', async () => {
    const own = await testDatabase('webhooks');
    const before = mkdtempSync(join(tmpdir(), 'works-migrations-'));
    const owner = openPool(own.superuserUrl, { max: 1, applicationName: 'spec' });
    try {
      for (const name of readdirSync(MIGRATIONS).filter((migration) => migration < '20261125200000'))
        cpSync(join(MIGRATIONS, name), join(before, name), { recursive: true });
      await owner.query('drop schema public cascade; create schema public authorization works_spec_owner');
      await migrate({ url: own.ownerUrl, directory: before });
      await owner.query(`
        insert into webhook_endpoints (id, organization_id, livemode, url, events, max_in_flight, headers, secret, created_at, updated_at, last_sequence)
          values ('whk_a', 'org_a', true, 'https://receiver.example', '{}', 4, '{}', '', now(), now(), 4);
        insert into event_counters values ('org_a', true, 4);
        insert into event_log select 'org_a', true, n, 'evt_01KB0000000000000000000' || n, 'task.created', 'tsk_a', null, now() - n * interval '8 days', '{}' from generate_series(1, 4) n;
        insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, status, attempts_made, next_attempt_at, due_at, delivered_at, updated_at)
          select 'dlv_' || n, 'org_a', true, 'whk_a', 'evt_01KB0000000000000000000' || n, 'task.created', n, n, (array['pending', 'delivered', 'dead', 'cancelled'])[n], 1,
                 case n when 1 then now() end, now(), case n when 2 then now() end, now() - n * interval '8 days' from generate_series(1, 4) n;
        insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, duration_ms, timings)
          select 'att_' || n, 'org_a', true, 'dlv_' || n, 'whk_a', 1, now() - n * interval '8 days', 1, '{}' from generate_series(1, 4) n`);
      await migrate({ url: own.ownerUrl, directory: MIGRATIONS });
      const { rows } = await owner.query(`
        select d.id, d.status, d.tableoid::regclass::text as "table",
               d.tableoid::regclass::text = coalesce('deliveries_w' || to_char(works_week(d.updated_at), 'YYYYMMDD'), '') as by_week,
               (select count(*)::int from attempts a where a.delivery_id = d.id) as attempts, (select l.position::int from event_log l where l.id = d.event_id) as position
          from deliveries d order by d.id`);
      expect(rows).toEqual([
        { id: 'dlv_1', status: 'pending', table: 'deliveries_pending', by_week: false, attempts: 1, position: 1 },
        { id: 'dlv_2', status: 'delivered', table: expect.any(String), by_week: true, attempts: 1, position: 2 },
        { id: 'dlv_3', status: 'dead', table: expect.any(String), by_week: true, attempts: 1, position: 3 },
        { id: 'dlv_4', status: 'cancelled', table: expect.any(String), by_week: true, attempts: 1, position: 4 },
      ]);
    } finally {
      await owner.end();
      await own.drop();
      rmSync(before, { recursive: true });
    }
  });
});
