import { request as open } from 'node:http';
import { eventually } from '@works/platform/testing';
import { openHttp } from '@works/platform/service';
import type { Caller } from '@works/platform/caller';
import { backlogsOf } from './admission-control';
import { ClaimsInMemory, openGateway, type OpenGateway } from './gateway.examples';

const TOO_LONG = [429, 'backlog_too_long'];

describe('mutations of an organization whose backlog is too long', () => {
  let gateway: OpenGateway;
  let pools: ReturnType<typeof openHttp>[];
  /** What each service has unpublished, by organization; null: it does not know the question. */
  let unpublished: Record<'things' | 'parts', { organization_id: string; livemode: boolean; facts: number }[] | null>;
  let looks: number;
  let other: { key: string; caller: Caller };

  beforeEach(async () => {
    [unpublished, looks, pools] = [{ things: [], parts: [] }, 0, []];
    gateway = await openGateway(undefined, new ClaimsInMemory(), (neighbours) => {
      const asked = Object.entries(neighbours).map(([name, { url }]) => [name, openHttp(url, 1)] as const);
      pools = asked.map(([, pool]) => pool);
      return new Map(asked.map(([name, pool]) => [name, backlogsOf(pool)]));
    });
    for (const name of ['things', 'parts'] as const)
      gateway[name].answer = ({ url }, response) => {
        if (!url.startsWith('/internal/backlogs')) return void response.writeHead(201).end('{}');
        looks += 1;
        expect(url).toBe('/internal/backlogs?over=1000');
        response.writeHead(unpublished[name] === null ? 404 : 200).end(JSON.stringify({ data: unpublished[name] }));
      };
    other = gateway.keys.add({ organizationId: 'org_other' });
  });
  afterEach(async () => {
    await gateway.close();
    await Promise.all(pools.map((pool) => pool.destroy()));
  });

  const press = (facts = 5_000) => {
    const { organizationId, livemode } = gateway.caller;
    unpublished.parts = [{ organization_id: organizationId, livemode, facts }];
  };
  const post = (body = '{}', key = gateway.key) =>
    gateway.send('POST', '/things', { authorization: `Bearer ${key}`, 'idempotency-key': body }, body);
  const metric = async (name: string) => {
    const text = await (await fetch(`${gateway.origin}/metrics`)).text();
    return Number(new RegExp(`^${name}\\S* (\\d+)`, 'm').exec(text)?.[1]);
  };
  const heldNow = () => metric('works_gateway_held');
  const refusedSoFar = () => metric('works_gateway_refused_backlog_total');
  const held = (count: number) => eventually(async () => expect(await heldNow()).toBe(count));
  const arrived = () => gateway.things.arrivals.filter(({ method }) => method === 'POST').map(({ body }) => body.toString());
  /** The next mutation finds it pressed. */
  const isPressed = async () => {
    press();
    await post('"before"');
    await eventually(() => expect(looks).toBeGreaterThanOrEqual(2));
    gateway.things.arrivals.length = 0;
  };

  it('wait for their turn in any service, and go on in their order once it is short again', async () => {
    await isPressed();
    const answers: Promise<{ status: number }>[] = [];
    for (let nth = 0; nth < 40; nth++) {
      answers.push(post(String(nth)));
      await held(nth + 1);
    }
    expect(arrived()).toEqual([]);
    unpublished.parts = [];
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set(arrived())).toEqual(new Set(answers.map((_, nth) => String(nth))));
    // Sixteen at a look; within those, connections may overtake each other.
    expect(
      arrived()
        .slice(0, 16)
        .map(Number)
        .sort((one, two) => one - two),
    ).toEqual(Array.from({ length: 16 }, (_, nth) => nth));
  });

  it('hold up no read, no other organization, and not its other mode', async () => {
    await isPressed();
    const waiting = post('"waits"');
    await held(1);
    const test = gateway.keys.add({ organizationId: gateway.caller.organizationId, livemode: !gateway.caller.livemode });
    expect((await gateway.send('GET', '/things')).status).toBe(201);
    for (const { key } of [other, test]) expect((await post('"passes"', key)).status).toBe(201);
    expect(await heldNow()).toBe(1);
    unpublished.parts = [];
    expect((await waiting).status).toBe(201);
  });

  it('are refused when as many wait as can, with when to come back, and have not happened', async () => {
    await isPressed();
    const waiting = Array.from({ length: 128 }, (_, nth) => post(String(nth)));
    await held(128);
    const refused = await post('"one too many"');
    const problem = JSON.parse(refused.text) as { code: string; retryable: boolean; detail: string };
    expect([refused.status, problem.code]).toEqual(TOO_LONG);
    expect(problem.retryable).toBe(true);
    expect(problem.detail).toContain('The parts service alone has at least 5000.');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(await refusedSoFar()).toBe(1);
    unpublished.parts = [];
    for (const answer of waiting) expect((await answer).status).toBe(201);
    expect(arrived()).not.toContain('"one too many"');
  });

  it('leave when their client goes away', async () => {
    await isPressed();
    const headers = { authorization: `Bearer ${gateway.key}`, 'idempotency-key': 'k', 'content-length': '2' };
    const gone = open(`${gateway.origin}/works/v1/things`, { method: 'POST', headers, agent: false });
    gone.on('error', () => undefined).end('{}');
    await held(1);
    gone.destroy();
    await held(0);
    // It did not wait until its time was over.
    expect(await refusedSoFar()).toBe(0);
    unpublished.parts = [];
    expect((await post('"after"')).status).toBe(201);
    expect(arrived()).toEqual(['"after"']);
  });

  // Guarantees that a service of an older version, or one that is away, makes nobody wait.
  it('go on when the service does not answer the question any more', async () => {
    await isPressed();
    const waiting = post('"waits"');
    await held(1);
    unpublished.parts = null;
    expect((await waiting).status).toBe(201);
  });

  it('go on when the gateway stops', async () => {
    await isPressed();
    const waiting = post('"waits"');
    await held(1);
    await gateway.close();
    expect((await waiting).status).toBe(201);
  });

  it('are asked about while there are any, and not otherwise', async () => {
    await gateway.send('GET', '/things');
    expect(looks).toBe(0);
    await post();
    await eventually(() => expect(looks).toBe(2));
    await gateway.send('GET', '/things');
    await post();
    await eventually(() => expect(looks).toBe(4));
  });
});
