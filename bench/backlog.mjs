// Deliveries alone: a backlog in the database, one worker process, receivers that answer at once. Nothing else happens meanwhile.
import { readFileSync } from 'node:fs';
import { anId, client, psql, startProduct, startReceiver, until } from './support.mjs';

/** A tenth of it tells the same in ten seconds. */
const BACKLOG = Number(process.env.WORKS_BENCH_BACKLOG ?? 100_000);
const ORGANIZATIONS = 4;
const ENDPOINTS = 16;

export const title = `deliveries alone: a backlog of ${BACKLOG.toLocaleString('en')} of 1 KB, one worker process`;
export const least = '3,000 per second';

export async function measure() {
  const product = await startProduct();
  const url = `${product.superuserUrl()}/works_webhooks`;
  const received = new Set();
  let [firstAt, lastAt] = [Infinity, 0];
  const receiver = await startReceiver(({ id, at, body }) => {
    if (body.length < 1_000) throw new Error(`an event of ${body.length} bytes`);
    received.add(id);
    firstAt = Math.min(firstAt, at);
    lastAt = at;
  });
  try {
    const http = client(product, 4);
    for (let made = 0; made < ENDPOINTS; made++) await http.post('/webhook_endpoints', { url: receiver.url, events: ['task.created'] });
    await http.close();
    await psql(url, backlog());
    // What a backlog that has waited for a while has behind it.
    await psql(url, 'vacuum analyze deliveries, event_log');
    await psql(url, 'checkpoint');
    const worker = product.processes().find(({ service }) => service === 'webhooks').pid;
    const sessions = async () =>
      (await psql(url, `select pid from pg_stat_activity where datname = 'works_webhooks' and pid <> pg_backend_pid()`)).rows.map(
        ({ pid }) => pid,
      );
    const before = new Map([worker, ...(await sessions())].map((pid) => [pid, cpuMicros(pid)]));
    await psql(url, `update webhook_endpoints set status = 'enabled', disabled_reason = null`);
    await until(() => received.size >= BACKLOG, { withinSeconds: 300 });
    const each = (pids) => Math.round(pids.reduce((sum, pid) => sum + cpuMicros(pid) - (before.get(pid) ?? 0), 0) / received.size);
    const [ofWorker, ofSessions] = [each([worker]), each(await sessions())];
    return {
      figure: `${(received.size / ((lastAt - firstAt) / 1_000)).toFixed(0)}/s`,
      details: `${received.size} of ${BACKLOG} received; CPU of each: ${ofWorker} µs in the worker, ${ofSessions} µs in its sessions`,
    };
  } finally {
    await receiver.close();
    await product.stop();
  }
}

/** Of a process, in user and kernel together; Linux counts hundredths of a second. */
function cpuMicros(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** As the fan-out makes them for endpoints that are disabled: logged, numbered, due, and waiting. */
function backlog() {
  const subject = anId('tsk');
  const title = 'x'.repeat(840);
  return `
    begin;
    update webhook_endpoints e set status = 'disabled', disabled_reason = 'bench', organization_id = 'org_' || lpad((n % ${ORGANIZATIONS})::text, 26, '0'), last_sequence = ${BACKLOG / ENDPOINTS}
      from (select id, row_number() over (order by id) as n from webhook_endpoints) o where e.id = o.id;
    create temp table waiting as
      select 'evt_' || lpad(row_number() over ()::text, 26, '0') as event_id, 'dlv_' || lpad(row_number() over ()::text, 26, '0') as delivery_id,
             e.id as endpoint_id, e.organization_id, n as sequence, row_number() over (partition by e.organization_id order by n, e.id) as position
        from generate_series(1, ${BACKLOG / ENDPOINTS}) n cross join webhook_endpoints e order by n, e.id;
    insert into event_log (organization_id, livemode, position, id, type, subject, project_id, occurred_at, body)
      select organization_id, true, position, event_id, 'task.created', '${subject}', null, now(),
             '{"id":"' || event_id || '","object":"event","type":"task.created","position":' || position || ',"subject":"${subject}","data":{"task":{"title":"${title}"}}}'
        from waiting;
    insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, next_attempt_at, due_at)
      select delivery_id, organization_id, true, endpoint_id, event_id, 'task.created', position, sequence, now(), now() from waiting;
    insert into event_counters (organization_id, livemode, last_position) select organization_id, true, max(position) from waiting group by 1;
    commit`;
}
