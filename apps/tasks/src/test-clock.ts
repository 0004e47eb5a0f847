import type { TestClock as TestClockResource } from '@works/contracts/test-clock';
import type { Tenant } from '@works/platform/caller';
import { RuleViolation } from '@works/platform/errors';
import { fresh, type Aggregate, type Loaded } from '@works/platform/event-store';
import type { TenantDatabase } from '@works/platform/tenancy';
import { testClockIdOf, type TestClocks } from '@works/platform/test-clock';
import { evolve, offsetOf, type TestClock, type TestClockEvent, type TestClockId } from './domain/test-clock';

export const testClocks: Aggregate<TestClock, TestClockEvent> = { table: 'test_clocks', evolve };

/** The clocks are this service's own: a request is decided by what the last one has committed. */
export const ownTestClocks: TestClocks = {
  heardFrom: null,
  offsetMs: async (database, tenant) => offsetOf((await loadTestClock(database, tenant)).state),
};

export async function loadTestClock(database: TenantDatabase, tenant: Tenant): Promise<Loaded<TestClock> & { readonly id: TestClockId }> {
  const id = testClockIdOf(tenant);
  const [clock] = await database.query<{ version: number; state: TestClock }>(tenant, {
    name: 'tasks_test_clock',
    text: 'select version, state from test_clocks where id = $1',
    values: [id],
  });
  return { ...fresh<TestClock>(id), ...clock, id };
}

/** Live mode has no clock but the real one, and no address under which another could be. */
export function requireTestMode({ livemode }: Tenant): void {
  if (livemode) throw new RuleViolation('test_mode_only', 'Only test mode has a clock that moves. Use a key of test mode, sk_test_….');
}

export const presentTestClock = ({ id, version, state }: Loaded<TestClock>, realMs: number): TestClockResource => ({
  id,
  object: 'test_clock',
  now: new Date(realMs + offsetOf(state)).toISOString(),
  offset_ms: offsetOf(state),
  created_at: state?.created_at ?? null,
  updated_at: state?.updated_at ?? null,
  version,
});
