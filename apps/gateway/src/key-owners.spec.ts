import type { KeyClaims } from './key-claims';
import { openGateway, type Neighbour, type OpenGateway } from './gateway.examples';

const RELEASE = '/internal/idempotency/release?generation=1';

describe('an idempotency key', () => {
  let gateway: OpenGateway;
  /** What each service says when it is asked to give a key away. */
  let says: Record<'things' | 'parts', string>;
  beforeEach(async () => {
    gateway = await openGateway();
    says = { things: 'kept', parts: 'released' };
    for (const name of ['things', 'parts'] as const)
      gateway[name].answer = ({ url }, response) =>
        url.startsWith('/internal/')
          ? void response.writeHead(200).end(JSON.stringify({ release: says[name] }))
          : void response.writeHead(201, { 'works-position': `${name}:1` }).end('{}');
  });
  afterEach(() => gateway.close());

  const post = (path: string, idempotencyKey: string, key = gateway.key) =>
    gateway.send('POST', path, { 'idempotency-key': idempotencyKey, authorization: `Bearer ${key}` });
  const refusal = async (answer: ReturnType<typeof post>) => {
    const { status, text, headers } = await answer;
    return [status, (JSON.parse(text) as { code: string }).code, headers['retry-after']];
  };
  const reached = ({ arrivals }: Neighbour) => arrivals.map(({ url }) => url);

  it('that one service has taken is refused for another, which hears nothing of the request', async () => {
    await post('/things', 'k');
    expect(await refusal(post('/parts', 'k'))).toEqual([409, 'idempotency_key_reused', undefined]);
    expect([reached(gateway.things), reached(gateway.parts)]).toEqual([['/things', RELEASE], [RELEASE]]);
    expect([(await post('/things', 'k')).status, (await post('/parts', 'another')).status]).toEqual([201, 201]);
  });

  it('is asked for in the name of the caller whose it is', async () => {
    await post('/things', 'k, with a comma');
    await post('/parts', 'k, with a comma');
    const asked = gateway.things.last;
    expect([asked.url, asked.headers['idempotency-key'], gateway.callerOf(asked)]).toEqual([RELEASE, 'k, with a comma', gateway.caller]);
  });

  it('is each tenant’s own', async () => {
    await post('/things', 'k');
    expect((await post('/parts', 'k', gateway.keys.add({ organizationId: 'org_other' }).key)).status).toBe(201);
    expect((await post('/parts', 'k', gateway.keys.add({ livemode: !gateway.caller.livemode }).key)).status).toBe(201);
  });

  it('goes to another service when its owner remembers nothing under it, under the next generation', async () => {
    await post('/things', 'k');
    expect(gateway.things.last.headers).not.toHaveProperty('works-claim');
    says.things = 'released';
    expect([(await post('/parts', 'k')).status, gateway.parts.last.headers['works-claim']]).toEqual([201, '2']);
  });

  it('that is at work at another service is refused for the moment', async () => {
    await post('/things', 'k');
    says.things = 'in_use';
    expect(await refusal(post('/parts', 'k'))).toEqual([409, 'idempotency_key_in_use', '1']);
  });

  // What a service remembers from before there were claims, or from before the gateway's database was lost.
  it('that the service itself remembers is left to it to answer, whoever owns it', async () => {
    await post('/things', 'k');
    says.parts = 'kept';
    expect((await post('/parts', 'k')).status).toBe(201);
    expect(gateway.parts.last.headers).not.toHaveProperty('works-claim');
  });

  it('whose owner is away is not taken from it', async () => {
    await post('/things', 'k');
    await gateway.things.close();
    expect(await refusal(post('/parts', 'k'))).toEqual([503, 'unavailable', '1']);
    expect(gateway.parts.arrivals).toHaveLength(0);
  });

  // Who may do what is asked by the service, and comes first: what cannot have an effect needs no owner.
  it.each([undefined, '', 'x'.repeat(256), 'clé'])('that is none is left to the service to refuse (%s)', async (key) => {
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': Buffer.from(key).toString('latin1') };
    for (const path of ['/things', '/parts']) expect((await gateway.send('POST', path, headers)).status).toBe(201);
  });

  it('of a read is nothing', async () => {
    for (const path of ['/things', '/parts']) expect((await gateway.send('GET', path, { 'idempotency-key': 'k' })).status).toBe(201);
  });
});

describe('while nobody can say who owns a key', () => {
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const nobody: KeyClaims = { claim: () => Promise.reject(away), move: () => Promise.reject(away) };

  // Guarantees that nothing is forwarded whose effect another service could have a second time.
  it('mutations are refused for the moment and never forwarded, and reads go on', async () => {
    const gateway = await openGateway(undefined, nobody);
    const refused = await gateway.send('POST', '/things', { 'idempotency-key': 'k' }, '{}');
    expect([refused.status, (JSON.parse(refused.text) as { code: string }).code, refused.headers['retry-after']]).toEqual([
      503,
      'unavailable',
      '1',
    ]);
    expect((await gateway.send('GET', '/things')).status).toBe(200);
    expect(gateway.things.arrivals.map(({ method }) => method)).toEqual(['GET']);
    await gateway.close();
  });
});
