import type { Pool } from 'pg';

/** A public fact by its place in the store. The position is a decimal of up to 19 digits. */
export interface PublishedFact {
  readonly id: string;
  readonly position: string;
}

/** Facts after a position of which it is certain that the event log has had them and that none before the last of them will still appear. */
export async function publishedAfter(pool: Pool, after: string, through: string, limit: number): Promise<PublishedFact[]> {
  const { rows } = await pool.query<PublishedFact>({
    name: 'works_published_after',
    text: `select e.id, e.position::text as position from events e
            where e.position > $1::bigint and e.topic is not null
              and e.position <= least($2::bigint, coalesce((select o.position from outbox o order by o.position limit 1) - 1, $2::bigint))
            order by e.position limit $3`,
    values: [after, through, limit],
  });
  return rows;
}

/** Has the relay publish facts once more, for a consumer that has lost them. The others stand it: everything may come twice, and late, anyway. */
export async function republish(pool: Pool, positions: readonly string[], repaired = false): Promise<number> {
  const { rowCount } = await pool.query({
    name: 'works_republish',
    text: `insert into outbox (position, organization_id, livemode, repaired)
           select e.position, e.organization_id, e.livemode, $2 from unnest($1::bigint[]) as wanted (at)
            cross join lateral (select f.* from events f where f.position = wanted.at and f.topic is not null offset 0) e
           on conflict do nothing`,
    values: [positions, repaired],
  });
  return rowCount ?? 0;
}

/** Through which position every fact has been published, if those up to `settled` have either appeared or never will. */
export async function publishedThrough(pool: Pool, settled: bigint): Promise<bigint> {
  const { rows } = await pool.query<{ first: string | null }>({
    name: 'works_first_unpublished',
    text: 'select (select o.position::text from outbox o order by o.position limit 1) as first',
  });
  const first = rows[0]!.first;
  return first === null || BigInt(first) > settled ? settled : BigInt(first) - 1n;
}
