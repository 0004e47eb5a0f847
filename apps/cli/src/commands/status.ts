import { Command } from 'commander';
import { Client } from 'pg';
import { openHttp } from '@works/platform/service';
import { Home } from '../home';
import { paint } from '../paint';

const SERVICES = ['projects', 'tasks', 'webhooks'] as const;

/** Facts that are committed and not yet in the event log. */
const RELAY_LAG = `
  select count(*)::int as behind, coalesce(extract(epoch from now() - min(occurred_at)), 0)::float as seconds
    from events, (select coalesce((select tx from checkpoints where name = 'relay'), '0'::xid8) as tx,
                         coalesce((select position from checkpoints where name = 'relay'), 0) as position) as c
   where events.topic is not null and (events.tx, events.position) > (c.tx, c.position)`;

export function statusCommand(): Command {
  return new Command('status').description('what runs, and what is behind, on one screen').action(status);
}

async function status(): Promise<void> {
  const home = Home.here();
  const server = await home.server();
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
  process.stdout.write(`${lines.join('\n')}\n`);
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

async function one<Row extends object>(url: string, sql: string): Promise<Row> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows[0]!;
  } finally {
    await client.end();
  }
}
