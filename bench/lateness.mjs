// 1,000 endpoints that fail: how late each retry arrives, by the receiver's own clock, counted from the end of the attempt before it and the step after it.
import { createServer } from 'node:http';
import { aTaskEvent, client, ms, openLoop, percentile, psql, publisher, startProduct, until } from './support.mjs';

const ENDPOINTS = 1_000;
const ORGANIZATIONS = 100;
/** Each goes to the endpoints of one organization, so that each endpoint gets one every ten seconds, and tries it four times in the next 21. */
const EVENTS_PER_SECOND = 10;
const STEPS_MS = [1_000, 4_000, 16_000];

export const title = `lateness of retries, ${ENDPOINTS.toLocaleString('en')} endpoints that answer 500`;
export const least = 'p99 at most 50 ms at 1 s, 4 s and 16 s';

export async function measure({ seconds = 20 } = {}) {
  const product = await startProduct();
  const lateness = STEPS_MS.map(() => []);
  const answeredAt = new Map();
  const receiver = createServer((request, response) => {
    const at = performance.now();
    const delivery = `${request.url} ${request.headers['webhook-id']}`;
    const step = Number(request.headers['webhook-attempt'].split('/')[0]) - 2;
    if (step >= 0) lateness[step]?.push(at - answeredAt.get(delivery) - STEPS_MS[step]);
    request.resume().on('end', () => {
      response.writeHead(500, { 'content-length': 0 }).end();
      answeredAt.set(delivery, performance.now());
    });
  });
  receiver.keepAliveTimeout = 60_000;
  await new Promise((done) => receiver.listen(0, '127.0.0.1', done));
  try {
    const http = client(product, 8);
    const url = (number) => `http://127.0.0.1:${receiver.address().port}/${number}`;
    await Promise.all(
      Array.from({ length: ENDPOINTS }, (_, number) => http.post('/webhook_endpoints', { url: url(number), events: ['task.created'] })),
    );
    await http.close();
    await psql(`${product.superuserUrl()}/works_webhooks`, spread);
    const log = await publisher(product);
    const organizationOf = (index) => `org_${String(index % ORGANIZATIONS).padStart(26, '0')}`;
    await openLoop({ perSecond: EVENTS_PER_SECOND, seconds, work: (index) => log.publish([aTaskEvent(organizationOf(index))]) });
    const expected = EVENTS_PER_SECOND * seconds * (ENDPOINTS / ORGANIZATIONS);
    await until(() => lateness[2].length >= expected, { withinSeconds: 60 });
    await log.close();
    for (const step of lateness) step.sort((a, b) => a - b);
    return {
      figure: lateness.map((step, index) => `${STEPS_MS[index] / 1_000} s: p99 ${ms(percentile(step, 99))}`).join('; '),
      details: `p50 ${lateness.map((step) => ms(percentile(step, 50))).join(', ')}; earliest ${lateness.map((step) => ms(step[0])).join(', ')}; ${lateness[2].length} of ${expected} retried three times`,
    };
  } finally {
    receiver.closeAllConnections();
    receiver.close();
    await product.stop();
  }
}

const spread = `
  update webhook_endpoints e set organization_id = 'org_' || lpad((n % ${ORGANIZATIONS})::text, 26, '0')
    from (select id, row_number() over (order by id) as n from webhook_endpoints) o where e.id = o.id`;
