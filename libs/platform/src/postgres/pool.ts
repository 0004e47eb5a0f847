import type { EventEmitter } from 'node:events';
import { Pool } from 'pg';
import { SILENT, WatchedClient } from './watched-client';

export interface PoolOptions {
  /** Connections at most. */
  readonly max: number;
  /** Seen in pg_stat_activity. */
  readonly applicationName: string;
  /** How long a request waits for a free connection before it is refused. */
  readonly connectTimeoutMs?: number;
  /** How long a server may say nothing while a statement waits. Default: longer than it may take for any. */
  readonly silenceMs?: number;
  /** How long a transaction of ours may do nothing before the server ends it. Default 30 s. */
  readonly idleInTransactionMs?: number;
}

/** A statement that takes longer than this is ended by the server: nothing here should take a second. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** A process that was stopped in the middle of a transaction keeps neither locks nor the positions that it has drawn. */
const IDLE_IN_TRANSACTION_MS = 30_000;
/** A server that was killed or cut off may never answer: past this the connection is given up, and whoever waits hears of it. */
const SILENCE_MS = 12_000;
/** Longer than a restart of the server takes, shorter than a client's patience. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A pool of pipelining connections: statements that are sent without waiting in between share a packet. */
export function openPool(url: string, options: PoolOptions): Pool {
  const { max, applicationName, connectTimeoutMs = CONNECT_TIMEOUT_MS, silenceMs = SILENCE_MS } = options;
  const { idleInTransactionMs = IDLE_IN_TRANSACTION_MS } = options;
  const pool = new Pool({
    Client: WatchedClient,
    connectionString: url,
    max,
    application_name: applicationName,
    pipeline: true,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    query_timeout: silenceMs,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 60_000,
  });
  // A connection that breaks while it is idle, or between two statements of a transaction, says so by an event that would end the process.
  // Nothing is lost by not listening: the next statement on it fails, and the pool replaces it.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  giveUpTogether(pool);
  return pool;
}

/**
 * Where one connection has fallen silent, those that have been quiet for as long are most likely as dead, and whoever got one of them next would wait
 * for as long again, one after the other. What has been answered meanwhile is untouched.
 */
function giveUpTogether(pool: Pool): void {
  const clients = new Set<WatchedClient>();
  pool.on('connect', (connected) => {
    const client = connected as unknown as WatchedClient;
    clients.add(client);
    (client as EventEmitter).on(SILENT, (quietMs: number) => clients.forEach((other) => other.giveUpIfQuietFor(quietMs)));
  });
  pool.on('remove', (removed) => clients.delete(removed as unknown as WatchedClient));
}
