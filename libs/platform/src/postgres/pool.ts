import { Pool } from 'pg';

export interface PoolOptions {
  /** Connections at most. */
  readonly max: number;
  /** Seen in pg_stat_activity. */
  readonly applicationName: string;
}

/** A statement that takes longer than this is ended by the server: nothing here should take a second. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** How long a request waits for a free connection before it is refused. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A pool of pipelining connections: statements that are sent without waiting in between share a packet. */
export function openPool(url: string, { max, applicationName }: PoolOptions): Pool {
  const pool = new Pool({
    connectionString: url,
    max,
    application_name: applicationName,
    keepAlive: true,
    pipeline: true,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
  });
  // An idle connection that breaks is replaced at the next checkout; without a listener it would end the process.
  pool.on('error', () => undefined);
  return pool;
}
