import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Relay } from './relay';

/** How often a process that is not the leader looks at the leader's checkpoint. */
const CHECK_MS = 10;

/** True once every fact up to the position is in the event log; false past the bound. Any instance of the service can tell. */
export async function publishedThrough(pool: Pool, relay: Relay, position: bigint, waitMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + waitMs;
  while (!(await isPublished(pool, position))) {
    if (performance.now() >= giveUpAt) return false;
    await (relay.isLeader ? relay.progress(CHECK_MS) : delay(CHECK_MS));
  }
  return true;
}

async function isPublished(pool: Pool, position: bigint): Promise<boolean> {
  const { rows } = await pool.query<{ published: boolean }>({
    name: 'works_published_through',
    // Not `exists`: that would drop the order, and with it the index, and read the whole table where statistics are old.
    text: `select $1::xid8 < pg_snapshot_xmin(pg_current_snapshot())
                  and (select true from events
                        where topic is not null and tx <= $1::xid8
                          and (tx, position) > (coalesce((select tx from checkpoints where name = 'relay'), '0'::xid8),
                                                coalesce((select position from checkpoints where name = 'relay'), 0))
                        order by tx, position limit 1) is null as published`,
    values: [position.toString()],
  });
  return rows[0]!.published;
}
