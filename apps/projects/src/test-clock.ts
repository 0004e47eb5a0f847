import type { TestClockEventData } from '@works/contracts/test-clock';
import type { TenantTransaction } from '@works/platform/tenancy';
import type { TestClocks } from '@works/platform/test-clock';

/** The tasks service moves the clocks; here they are heard of. */
export const testClocks: TestClocks = {
  heardFrom: 'tasks',
  offsetMs: async (database, tenant) => {
    const [clock] = await database.query<{ offset_ms: number }>(tenant, {
      name: 'projects_test_clock',
      // Row-level security leaves one row at most. As a float, since bigint arrives as text; ten years of milliseconds are exact in it.
      text: 'select offset_ms::float8 as offset_ms from test_clocks where organization_id = $1',
      values: [tenant.organizationId],
    });
    return clock?.offset_ms ?? 0;
  },
};

/**
 * The instant that counts as now for what is recorded in this transaction. The clock stands still until it has ended, so that an advance
 * finds what was made to wait.
 */
export async function nowIn(tx: TenantTransaction): Promise<Date> {
  if (tx.tenant.livemode) return new Date();
  const { rows } = await tx.query<{ offset_ms: number }>({
    name: 'projects_hold_test_clock',
    text: 'select offset_ms::float8 as offset_ms from test_clocks where organization_id = $1 for share',
    values: [tx.tenant.organizationId],
  });
  return new Date(Date.now() + (rows[0]?.offset_ms ?? 0));
}

/** Repeatable: older news changes nothing. */
export async function noteTestClock(tx: TenantTransaction, { test_clock }: TestClockEventData): Promise<void> {
  await tx.query({
    name: 'projects_note_test_clock',
    text: `insert into test_clocks as known (organization_id, livemode, offset_ms, version) values ($1, $2, $3, $4)
           on conflict (organization_id) do update set offset_ms = excluded.offset_ms, version = excluded.version
           where known.version < excluded.version`,
    values: [tx.tenant.organizationId, tx.tenant.livemode, test_clock.offset_ms, test_clock.version],
  });
}
