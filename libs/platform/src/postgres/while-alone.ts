import type { Pool, PoolClient } from 'pg';

/**
 * Does what only one session of a database may do at a time: `work` runs while ours holds this advisory lock. Resolves without it when another
 * session holds it.
 */
export async function whileAlone(pool: Pool, lock: number, work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [lock]);
    if (!rows[0]!.mine) return;
    try {
      await work(client);
    } finally {
      await client.query('select pg_advisory_unlock($1)', [lock]);
    }
  } finally {
    client.release();
  }
}
