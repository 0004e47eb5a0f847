import { openGateway, type OpenGateway } from './gateway.examples';

describe('an idempotency key', () => {
  let gateway: OpenGateway;
  beforeEach(async () => {
    gateway = await openGateway();
    gateway.things.answer = (_, response) => void response.writeHead(201, { 'works-position': 'things:1' }).end('{}');
    gateway.parts.answer = (_, response) => void response.writeHead(201, { 'works-position': 'parts:1' }).end('{}');
  });
  afterEach(() => gateway.close());

  const post = (path: string, idempotencyKey: string, key = gateway.key) =>
    gateway.send('POST', path, { 'idempotency-key': idempotencyKey, authorization: `Bearer ${key}` });

  // A service cannot know of a key that another one has taken.
  it('that one service has taken is refused for another', async () => {
    await post('/things', 'k');
    const refused = await post('/parts', 'k');
    expect([refused.status, (JSON.parse(refused.text) as { code: string }).code]).toEqual([409, 'idempotency_key_reused']);
    expect(gateway.parts.arrivals).toHaveLength(0);
    expect([(await post('/things', 'k')).status, (await post('/parts', 'another')).status]).toEqual([201, 201]);
  });

  it('is each tenant’s own', async () => {
    await post('/things', 'k');
    expect((await post('/parts', 'k', gateway.keys.add({ organizationId: 'org_other' }).key)).status).toBe(201);
    expect((await post('/parts', 'k', gateway.keys.add({ livemode: !gateway.caller.livemode }).key)).status).toBe(201);
  });

  it('is free again when the request was refused unremembered', async () => {
    gateway.things.answer = (_, response) => void response.writeHead(422).end('{}');
    await post('/things', 'k');
    expect((await post('/parts', 'k')).status).toBe(201);
  });
});
