import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { Client } from 'pg';
import type { EmbeddedServer } from '@works/platform/postgres';
import { openHttp } from '@works/platform/service';
import { Home } from '../home';
import { paint } from '../paint';

const SERVICES = ['projects', 'tasks', 'webhooks'] as const;

/** Facts that are committed and not yet in the event log. */
const RELAY_LAG = `
  select count(*)::int as behind, coalesce(extract(epoch from now() - min(e.occurred_at)), 0)::float as seconds
    from outbox o join events e on e.position = o.position`;

interface Writer {
  readonly transaction: string;
  readonly who: string;
  /** Null where the role may not see it (pg_read_all_stats). */
  readonly seconds: number | null;
}

/** Whoever has written a fact and not ended, prepared transactions too. Every role sees the locks, and so finds them. */
const WRITERS = `
  select l.transaction, coalesce('prepared transaction ' || p.gid, 'process ' || l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')) as who,
         extract(epoch from now() - coalesce(p.prepared, a.xact_start))::float as seconds
    from (select distinct locks.virtualtransaction as transaction, locks.pid from pg_locks locks
           where locks.locktype = 'relation' and locks.database = (select d.oid from pg_database d where d.datname = current_database())
             and locks.relation = 'public.events'::regclass and locks.mode = 'RowExclusiveLock' and locks.granted) l
    left join pg_stat_activity a on a.pid = l.pid
    left join pg_prepared_xacts p on l.pid is null and l.transaction = '-1/' || p.transaction::text`;

/** A transaction of ours takes milliseconds; one that is still there after this holds up whoever follows positions. */
const LONG_MS = 2_000;

export function statusCommand(): Command {
  return new Command('status').description('what runs, and what is behind, on one screen').action(status);
}

async function status(): Promise<void> {
  const home = Home.here();
  const server = await home.server();
  const startedAt = performance.now();
  const writers = await writersOf(home, server);
  const lines = [row('', 'up', 'relay behind', 'consumer behind')];
  for (const service of SERVICES) {
    const up = await isReady(`unix:${home.socket(service)}`);
    const relay = await one<{ behind: number; seconds: number }>(home.databaseUrl(server, service, 'worker'), RELAY_LAG);
    const consumer = up ? await consumerLag(`unix:${home.socket(service)}`) : '–';
    lines.push(row(service, up ? 'yes' : paint('red', 'no'), `${relay.behind} events, ${relay.seconds.toFixed(1)} s`, consumer));
  }
  const dev = home.dev();
  if (dev !== null) lines.push(row('gateway', (await isReady(new URL(dev.url).origin)) ? 'yes' : paint('red', 'no'), '', ''));
  const deliveries = await one<{ pending: number; due: number; dead: number }>(
    home.databaseUrl(server, 'webhooks', 'worker'),
    `select count(*) filter (where status = 'pending')::int as pending,
            count(*) filter (where status = 'pending' and next_attempt_at <= now())::int as due,
            count(*) filter (where status = 'dead')::int as dead from deliveries`,
  );
  lines.push('', `deliveries   ${deliveries.pending} pending, ${deliveries.due} of them due, ${deliveries.dead} dead`);
  const long = await stillWriting(home, server, writers, startedAt);
  if (long.length > 0) lines.push('', ...long.map((line) => paint('red', line)));
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** By service. */
type Writers = ReadonlyMap<string, readonly Writer[]>;

async function writersOf(home: Home, server: EmbeddedServer): Promise<Writers> {
  const found = SERVICES.map(
    async (service) => [service, await all<Writer>(home.databaseUrl(server, service, 'worker'), WRITERS)] as const,
  );
  return new Map(await Promise.all(found));
}

/** A line for each that was there at the first look and is there at a later one. */
async function stillWriting(home: Home, server: EmbeddedServer, first: Writers, startedAt: number): Promise<string[]> {
  if ([...first.values()].every((writers) => writers.length === 0)) return [];
  await delay(Math.max(0, LONG_MS - (performance.now() - startedAt)));
  const now = await writersOf(home, server);
  return SERVICES.flatMap((service) =>
    now
      .get(service)!
      .filter(({ transaction }) => first.get(service)!.some((writer) => writer.transaction === transaction))
      .map(
        ({ who, seconds }) =>
          `${service}: ${who} has written a fact ${seconds === null ? '' : `${seconds.toFixed(0)} s ago `}and not committed it`,
      ),
  );
}

const row = (...cells: string[]): string =>
  cells
    .map((cell, index) => cell.padEnd([12, 6, 22, 20][index]!))
    .join(' ')
    .trimEnd();

async function isReady(url: string): Promise<boolean> {
  const pool = openHttp(url, 1);
  try {
    const { statusCode, body } = await pool.request({ method: 'GET', path: '/health/ready' });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  } finally {
    await pool.destroy();
  }
}

async function consumerLag(url: string): Promise<string> {
  const pool = openHttp(url, 1);
  try {
    const { body } = await pool.request({ method: 'GET', path: '/internal/lag' });
    return `${((await body.json()) as { lag: number }).lag} events`;
  } finally {
    await pool.destroy();
  }
}

const one = async <Row extends object>(url: string, sql: string): Promise<Row> => (await all<Row>(url, sql))[0]!;

async function all<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
