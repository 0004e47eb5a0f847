import { CALLER_HEADER, verifyCaller } from '@works/platform/caller';
import { openHttp } from '@works/platform/service';
import { aCaller } from '@works/platform/testing';
import { Neighbour, SIGNING_KEY } from './gateway.examples';
import { testNowOf } from './test-now';

describe('the present instant of test mode', () => {
  const caller = aCaller({ livemode: false, scopes: ['webhooks:read'] });
  let tasks: Neighbour;
  let pool: ReturnType<typeof openHttp>;

  beforeEach(async () => {
    tasks = await Neighbour.open();
    pool = openHttp(tasks.url, 1);
  });
  afterEach(() => Promise.all([pool.close(), tasks.close()]));

  it('is what the tasks service says, asked in the name of the organization and with no more than it needs', async () => {
    tasks.answer = (_, response) => void response.writeHead(200).end('{"object":"test_clock","now":"2027-01-04T09:00:00.000Z"}');
    expect(await testNowOf(pool, SIGNING_KEY)(caller)).toEqual(new Date('2027-01-04T09:00:00Z'));
    const { method, url, headers } = tasks.last;
    expect([method, url]).toEqual(['GET', '/test_clock']);
    expect(verifyCaller(headers[CALLER_HEADER] as string, SIGNING_KEY, Date.now())!.caller).toEqual({ ...caller, scopes: ['tasks:read'] });
  });

  // An answer that says nothing of the clock says nothing of the key: it is neither good nor expired.
  it('is unavailable while the service is', async () => {
    tasks.answer = (_, response) => void response.writeHead(503).end('{"now":"2027-01-04T09:00:00.000Z"}');
    await expect(testNowOf(pool, SIGNING_KEY)(caller)).rejects.toMatchObject({ code: 'unavailable' });
  });
});
