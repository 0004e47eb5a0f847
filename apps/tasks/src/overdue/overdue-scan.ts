import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Pool } from 'pg';
import type { Tenant } from '@works/platform/caller';
import { EventStore, isLostRace, record, type Cause } from '@works/platform/event-store';
import type { Logger } from '@works/platform/logging';
import { Lookout } from '@works/platform/lookout';
import { isOutage } from '@works/platform/postgres';
import { LOGGER, WORKER_POOL } from '@works/platform/service';
import { TenantDatabase, type TenantTransaction } from '@works/platform/tenancy';
import { tasks } from '../aggregate';
import { tellOverdue, type TaskId } from '../domain/task';
import { TASK_COLUMNS, type TaskRow } from '../read-models/task-rows';
import { BATCH_MAX, msUntilNext, overdueAndUntold, type OverdueTask } from './statements';

/** A timer wakes the scan at the next due instant it knows of; this bounds how late it is for one that it could not know of. */
const LOOK_EVERY_MS = 1_000;
/** Between two batches, so that a thousand tasks due at one midnight leave processor and disk to whoever writes meanwhile: 100 such pauses are 2 s. */
const PAUSE_MS = 20;

/** "over" in ASCII: the advisory lock is per database, so it only has to differ from our other locks. */
const SCAN_LOCK = 0x6f766572;

/**
 * Tells of every task that becomes overdue, once for each due date, within moments of it, or as soon as anybody runs again. Of several
 * instances one tells at a time; the others look again soon. Even without that nothing would be told twice: like every change, this one is decided on
 * the task as it was read, and is void when another writer was first.
 */
@Injectable()
export class OverdueScan implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly lookout = new Lookout(() => this.look());

  constructor(
    @Inject(WORKER_POOL) private readonly workers: Pool,
    private readonly database: TenantDatabase,
    private readonly store: EventStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.lookout.start();
  }

  /** A clock has moved, so what waits may be due. */
  wake(): void {
    this.lookout.wake();
  }

  onApplicationShutdown(): Promise<void> {
    return this.lookout.stop();
  }

  /** Resolves with when to look next, in milliseconds. */
  private async look(): Promise<number> {
    try {
      const now = new Date();
      const due = await overdueAndUntold(this.workers, now);
      const told = await this.tell(due, now);
      if (due.length === BATCH_MAX && told > 0) return PAUSE_MS;
      return Math.min(LOOK_EVERY_MS, await msUntilNext(this.workers, now));
    } catch (error) {
      this.logger.warn({ err: error }, 'looking for overdue tasks failed; it is tried again');
      return LOOK_EVERY_MS;
    }
  }

  /** All in one transaction. When that fails for one of them, each alone, so that nobody waits for a neighbour. Resolves with how many were told. */
  private async tell(due: readonly OverdueTask[], now: Date): Promise<number> {
    if (due.length === 0) return 0;
    try {
      return await this.tellTogether(due, now);
    } catch (error) {
      if (isOutage(error)) throw error;
      if (due.length === 1) {
        // Whoever was first has changed the task; if it is still to be told, the next look finds it.
        if (!isLostRace(error))
          this.logger.error({ err: error, task_id: due[0]!.id }, 'an overdue task could not be told; it is tried again');
        return 0;
      }
    }
    let told = 0;
    for (const one of due) told += await this.tell([one], now);
    return told;
  }

  private tellTogether(due: readonly OverdueTask[], now: Date): Promise<number> {
    return this.database.steps(async (inTenant) => {
      let told = 0;
      for (const { tenant, offsetMs, ids } of byTenant(due))
        told += await inTenant(tenant, (tx) => this.tellOwn(tx, ids, new Date(now.getTime() + offsetMs)));
      return told;
    });
  }

  private async tellOwn(tx: TenantTransaction, ids: readonly TaskId[], now: Date): Promise<number> {
    const { rows: locked } = await tx.query<{ ours: boolean }>('select pg_try_advisory_xact_lock($1) as ours', [SCAN_LOCK]);
    if (!locked[0]!.ours) return 0;
    const { rows } = await tx.query<TaskRow & { id: TaskId }>({
      name: 'tasks_to_tell',
      // In the order of ids, as every change of several tasks, so that two never wait for each other in a circle.
      text: `select t.id, ${TASK_COLUMNS} from tasks t where t.id = any($1::text[]) order by t.id collate "C"`,
      values: [ids],
    });
    const changes = rows.flatMap(({ id, version, state, blocked }) => {
      const events = tellOverdue(state, { at: now.toISOString(), blocked });
      return events.length === 0 ? [] : [record(tasks, { id, version, state }, events)];
    });
    if (changes.length > 0) await this.store.append(tx, changes, causeIn(tx.tenant, now));
    return changes.length;
  }
}

/** Nobody asked for it: time passed. */
const causeIn = (tenant: Tenant, now: Date): Cause => ({
  caller: { ...tenant, actor: { type: 'system', id: 'overdue' }, scopes: [], timeZone: 'UTC' },
  now,
  requestId: null,
  idempotencyKey: null,
  traceparent: null,
});

interface Own {
  readonly tenant: Tenant;
  readonly offsetMs: number;
  readonly ids: TaskId[];
}

/** Sorted by tenant, as every transaction over several is. */
function byTenant(due: readonly OverdueTask[]): Own[] {
  const groups = new Map<string, Own>();
  for (const { id, organizationId, livemode, offsetMs } of due) {
    const key = `${organizationId} ${livemode}`;
    const group = groups.get(key) ?? { tenant: { organizationId, livemode }, offsetMs, ids: [] };
    groups.set(key, group);
    group.ids.push(id);
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}
