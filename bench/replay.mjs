// A replay of many dead letters, and what happens meanwhile at the same endpoint: how fast the one, how late the other.
import { anId, client, ms, openLoop, percentile, psql, startProduct, startReceiver } from './support.mjs';

/** `WORKS_BENCH_DEAD_LETTERS=100000` is the whole of it; a tenth tells the same in a minute. */
const DEAD_LETTERS = Number(process.env.WORKS_BENCH_DEAD_LETTERS ?? 10_000);
const LIVE_PER_SECOND = 50;

export const title = `replay of ${DEAD_LETTERS.toLocaleString('en')} dead letters, ${LIVE_PER_SECOND} live events per second beside it`;
export const least = '500 per second, live p99 at most 2 times';

export async function measure({ seconds = 20 } = {}) {
  const product = await startProduct();
  const receivedLive = new Map();
  let replayed = 0;
  let lastReplayAt = 0;
  const receiver = await startReceiver(({ id, at, body }) => {
    const subject = /"subject":"(tsk_\w+)"/.exec(body.toString())?.[1];
    if (id.startsWith('evt_0000')) {
      replayed++;
      lastReplayAt = at;
    } else if (subject && !receivedLive.has(subject)) receivedLive.set(subject, at);
  });
  try {
    const http = client(product, 16);
    const endpoint = JSON.parse(await http.post('/webhook_endpoints', { url: receiver.url, events: ['task.created'] }));
    const live = async (until) => {
      const sent = new Map();
      const create = async () => {
        const at = performance.now();
        sent.set(/"id":"(tsk_\w+)"/.exec(await http.post('/tasks', { title: 'Happen meanwhile' }))[1], at);
      };
      do await openLoop({ perSecond: LIVE_PER_SECOND, seconds: 1, work: create });
      while (!until());
      while ([...sent.keys()].some((id) => !receivedLive.has(id))) await new Promise((done) => setTimeout(done, 20));
      return [...sent].map(([id, at]) => receivedLive.get(id) - at).sort((a, b) => a - b);
    };
    const forSeconds = (count) => {
      const endAt = performance.now() + count * 1_000;
      return () => performance.now() >= endAt;
    };
    await live(forSeconds(5));
    const before = await live(forSeconds(seconds));
    await psql(`${product.superuserUrl()}/works_webhooks`, deadLetters(product.organization, endpoint.id));
    await live(forSeconds(3));

    const startedAt = performance.now();
    const job = JSON.parse(await http.post('/dead_letters/replay', { rate_per_second: 1_000 }));
    if (job.progress.total !== DEAD_LETTERS) throw new Error(`the job found ${job.progress.total} dead letters`);
    const giveUpAt = startedAt + 600_000;
    const during = await live(() => replayed >= DEAD_LETTERS || performance.now() > giveUpAt);
    const rate = replayed / ((lastReplayAt - startedAt) / 1_000);
    const { progress } = JSON.parse(await http.get(`/replays/${job.id}`));
    await http.close();
    const [p99Before, p99During] = [percentile(before, 99), percentile(during, 99)];
    return {
      figure: `${rate.toFixed(0)}/s, live p99 ${(p99During / p99Before).toFixed(2)} times`,
      details: `${progress.replayed} replayed, ${replayed} received; live p50 ${ms(percentile(before, 50))} before and ${ms(percentile(during, 50))} during, p99 ${ms(p99Before)} and ${ms(p99During)}`,
    };
  } finally {
    await receiver.close();
    await product.stop();
  }
}

/** Events of 1 KB that the endpoint got a number for, and that have died, a few milliseconds apart, with their last attempts. */
function deadLetters(organization, endpoint) {
  const subject = anId('tsk');
  const title = 'x'.repeat(700);
  return `
    begin;
    create temp table dying as
      select n, 'evt_' || lpad(n::text, 26, '0') as event_id, 'dlv_' || lpad(n::text, 26, '0') as delivery_id,
             c.last_position + n as position, e.last_sequence + n as sequence
        from generate_series(1, ${DEAD_LETTERS}) as n
        cross join (select last_position from event_counters where organization_id = '${organization}' and livemode) c
        cross join (select last_sequence from webhook_endpoints where id = '${endpoint}') e;
    insert into event_log (organization_id, livemode, position, id, type, subject, project_id, occurred_at, body)
      select '${organization}', true, position, event_id, 'task.created', '${subject}', null, now(),
             '{"id":"' || event_id || '","object":"event","type":"task.created","position":' || position || ',"subject":"${subject}","data":{"task":{"title":"${title}"}}}'
        from dying;
    insert into deliveries (id, organization_id, livemode, endpoint_id, event_id, event_type, event_position, sequence, status, attempts_made, due_at, week)
      select delivery_id, '${organization}', true, '${endpoint}', event_id, 'task.created', position, sequence, 'dead', 8, now(), works_week(now()) from dying;
    insert into attempts (id, organization_id, livemode, delivery_id, endpoint_id, number, started_at, status_code, error, duration_ms, timings)
      select 'att_' || lpad(n::text, 26, '0'), '${organization}', true, delivery_id, '${endpoint}', 8, now(), 500,
             '{"stage":"status","code":"500","detail":"answered 500"}', 1, '{}' from dying;
    update event_counters set last_position = last_position + ${DEAD_LETTERS} where organization_id = '${organization}' and livemode;
    update webhook_endpoints set last_sequence = last_sequence + ${DEAD_LETTERS} where id = '${endpoint}';
    commit`;
}
