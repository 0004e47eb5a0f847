import type { Pool } from 'pg';
import type { EventLog } from '../event-log';
import { messageOf, OUTBOX_COLUMNS, type OutboxRow } from './relay';

/** Where a fact stands in the order in which facts became certain. */
export interface Place {
  readonly tx: string;
  readonly position: string;
}

export interface ToldFact extends Place {
  readonly id: string;
}

/** The first facts after a place that the relay has published, for whoever wants to know that all of them arrived. */
export async function toldAfter(pool: Pool, after: Place, limit: number): Promise<ToldFact[]> {
  const { rows } = await pool.query<ToldFact>({
    name: 'works_told_after',
    text: `select tx::text, position::text, id from events
            where (tx, position) > ($1::xid8, $2::bigint) and topic is not null
              and (tx, position) <= ((select c.tx from checkpoints c where c.name = 'relay'), (select c.position from checkpoints c where c.name = 'relay'))
            order by tx, position limit $3`,
    values: [after.tx, after.position, limit],
  });
  return rows;
}

/** Publishes facts once more, for a consumer that has lost them. The others stand it: everything comes twice, and late, anyway. */
export async function tellAgain(pool: Pool, log: EventLog, service: string, places: readonly Place[]): Promise<void> {
  const { rows } = await pool.query<OutboxRow>({
    name: 'works_tell_again',
    // One look-up in the index for each place, whatever the statistics say.
    text: `select fact.* from unnest($1::xid8[], $2::bigint[]) as place (at_tx, at_position)
            cross join lateral (select ${OUTBOX_COLUMNS} from events
                                 where tx = place.at_tx and position = place.at_position and topic is not null
                                 order by events.tx, events.position limit 1) as fact
            order by place.at_tx, place.at_position`,
    values: [places.map(({ tx }) => tx), places.map(({ position }) => position)],
  });
  if (rows.length > 0) await log.publish(rows.map((row) => messageOf(row, service)));
}
