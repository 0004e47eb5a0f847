import type { Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg';

/**
 * Statements that need nothing of each other's results, as one transaction in one packet (on a pool that pipelines). Resolves with their results
 * once it has committed; rejects with the first refusal, and then nothing of it has happened.
 */
export async function inOneTransaction<Row extends QueryResultRow>(
  pool: Pool,
  statements: readonly QueryConfig[],
  begin = 'begin',
): Promise<QueryResult<Row>[]> {
  const client = await pool.connect();
  try {
    const [, ...results] = await settled<Row>(
      [begin, ...statements, 'commit'].map((statement) => client.query<Row>(statement as QueryConfig)),
    );
    client.release();
    return results.slice(0, -1);
  } catch (error) {
    await giveBack(client);
    throw error;
  }
}

/** Rolls back and returns the connection. One that cannot even roll back is broken and must not be used again. */
export const giveBack = (client: PoolClient): Promise<void> =>
  client.query('rollback').then(
    () => client.release(),
    () => client.release(true),
  );

/** All answers are awaited even when one fails, so that the connection is idle again before it is given back. */
async function settled<Row extends QueryResultRow>(queries: Promise<QueryResult<Row>>[]): Promise<QueryResult<Row>[]> {
  const outcomes = await Promise.allSettled(queries);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<QueryResult<Row>>).value);
}
