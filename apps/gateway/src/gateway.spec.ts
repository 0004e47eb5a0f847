import { request as send } from 'node:http';
import { connect } from 'node:net';
import { newApiKey } from '@works/platform/api-keys';
import { exchange, openGateway, type OpenGateway, type Reply } from './gateway.examples';

const PROBLEM = 'application/problem+json; charset=utf-8';
const codeOf = ({ text }: Reply) => (JSON.parse(text) as { code: string }).code;

describe('the public door', () => {
  let gateway: OpenGateway;
  beforeAll(async () => {
    gateway = await openGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(() => gateway.things.arrivals.splice(0));

  const with_ = (authorization: string | undefined) =>
    exchange('GET', `${gateway.origin}/works/v1/things`, {
      'x-request-id': 'same',
      ...(authorization !== undefined && { authorization }),
    });

  // Guarantees that nobody learns what is wrong with a key.
  it('answers everybody who is not a caller with the same bytes', async () => {
    const wrong = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      'Bearer sk_live_short',
      `Basic ${gateway.key}`,
      gateway.key,
      `Bearer ${newApiKey('live')}`,
    ];
    const twisted = gateway.key.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
    const replies = await Promise.all([...wrong, `Bearer ${twisted}`, `Bearer ${gateway.key} `.repeat(2)].map(with_));
    expect(new Set(replies.map(({ status, text, headers }) => JSON.stringify([status, text, headers['www-authenticate']])))).toEqual(
      new Set([JSON.stringify([401, replies[0]!.text, 'Bearer'])]),
    );
    expect(JSON.parse(replies[0]!.text)).toMatchObject({ code: 'unauthenticated', request_id: 'same', retryable: false });
    expect(gateway.things.arrivals).toHaveLength(0);
  });

  it.each(['Bearer', 'bearer', 'BEARER'])('takes the scheme as %s', async (scheme) => {
    expect((await with_(`${scheme} ${gateway.key}`)).status).toBe(200);
  });

  it('adopts a request id that is fit for logs, and makes one otherwise', async () => {
    const given = await gateway.send('GET', '/things', { 'x-request-id': 'mine-1.2_3' });
    expect([given.headers['request-id'], gateway.things.last.headers['x-request-id']]).toEqual(['mine-1.2_3', 'mine-1.2_3']);
    for (const unfit of ['with space', 'x'.repeat(65), '"quoted"']) {
      const made = await gateway.send('GET', '/things', { 'x-request-id': unfit });
      expect(made.headers['request-id']).toMatch(/^req_[0-9A-Z]{26}$/);
      expect(gateway.things.last.headers['x-request-id']).toBe(made.headers['request-id']);
    }
  });

  it.each([
    ['an address of nobody', '/works/v1/nowhere'],
    ['an address of a service that is not in the document', '/works/v1/internal/lag'],
    ['an address of a service without the prefix', '/things'],
    ['a slash too many', '/works/v1/parts/'],
    ['a step up', '/works/v1/things/../internal/lag'],
    ['another version', '/works/v2/things'],
    ['a percent-escape that is none', '/works/v1/things/%zz'],
    ['an endless segment', `/works/v1/things/${'x'.repeat(9_000)}`],
    ['the root', '/'],
    ['an asset that is not there', '/works/docs/assets/nothing.js'],
    ['a prefix in disguise', '/%77orks/v1/things'],
    ['a prefix in disguise, and another address in the query', '/%77orks/v1/things?/works/v1/metrics'],
    ['a file outside of the assets', '/works/docs/assets/..%2fpackage.json'],
  ])('answers %s with a 404 problem, and forwards nothing', async (_, path) => {
    const reply = await raw('GET', path);
    expect([reply.status, reply.headers['content-type'], codeOf(reply)]).toEqual([404, PROBLEM, 'route_not_found']);
    expect(reply.headers['request-id']).toBe((JSON.parse(reply.text) as { request_id: string }).request_id);
    expect(gateway.things.arrivals).toHaveLength(0);
  });

  it.each([
    ['PUT', '/things', 'GET, POST'],
    ['DELETE', '/things', 'GET, POST'],
    ['OPTIONS', '/things', 'GET, POST'],
    ['TRACE', '/things', 'GET, POST'],
    ['QUERY', '/things', 'GET, POST'],
    ['PATCH', '/things/thg_1', 'DELETE, GET'],
  ])('answers %s %s with 405 and what it takes', async (method, path, allow) => {
    const reply = await gateway.send(method, path);
    expect([reply.status, reply.headers['content-type'], codeOf(reply), reply.headers.allow]).toEqual([
      405,
      PROBLEM,
      'method_not_allowed',
      allow,
    ]);
    expect(gateway.things.arrivals).toHaveLength(0);
  });

  it('answers a method that it has hardly heard of, at an address that there is not, with 404', async () => {
    const reply = await gateway.send('QUERY', '/nothing');
    expect([reply.status, codeOf(reply)]).toEqual([404, 'route_not_found']);
  });

  it('answers a Content-Type that is none with 415', async () => {
    const reply = await gateway.send('POST', '/things', { 'content-type': ';;' }, '{}');
    expect([reply.status, codeOf(reply)]).toEqual([415, 'unsupported_media_type']);
  });

  it('leaves a Content-Type that it does not know to the service', async () => {
    expect((await gateway.send('POST', '/things', { 'content-type': 'text/plain' }, 'x')).status).toBe(200);
    expect(gateway.things.last.headers['content-type']).toBe('text/plain');
  });

  it('answers an Expect that nobody can meet with a problem', async () => {
    const reply = await gateway.send('POST', '/things', { expect: '200-ok' }, '{}');
    expect([reply.status, reply.headers['content-type']]).toEqual([417, 'application/problem+json']);
    expect(gateway.things.arrivals).toHaveLength(0);
  });

  it('answers HTTP/1.1 without a Host, or with two, with a problem, and HTTP/1.0 as ever', async () => {
    const say = (version: string, hosts = '') =>
      new Promise<string>((done, failed) => {
        let text = '';
        const socket = connect(gateway.port, '127.0.0.1', () =>
          socket.write(`GET /works/v1/things HTTP/${version}\r\n${hosts}authorization: Bearer ${gateway.key}\r\nconnection: close\r\n\r\n`),
        );
        socket.on('data', (part) => (text += part.toString()));
        socket.on('close', () => done(text)).on('error', failed);
      });
    for (const hosts of ['', 'host: a\r\nHost: b\r\n'])
      expect(await say('1.1', hosts)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"invalid_header"/);
    expect(gateway.things.arrivals).toHaveLength(0);
    expect(await say('1.1', 'host: a\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await say('1.0')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([
    ['Authorization', 'Bearer x'],
    ['Idempotency-Key', 'k'],
    ['Works-Position', 'things:1'],
    ['Content-Type', 'application/json'],
  ])('refuses %s on two lines by name, whatever they say, and forwards nothing', async (name, value) => {
    for (const second of [value, 'another']) {
      const headers = ['host', 'a', name, value, name.toUpperCase(), second];
      const reply = await raw(
        'POST',
        '/works/v1/things',
        name === 'Authorization' ? headers : [...headers, 'authorization', `Bearer ${gateway.key}`],
      );
      expect([reply.status, JSON.parse(reply.text)]).toEqual([400, expect.objectContaining({ code: 'invalid_header', header: name })]);
    }
    expect(gateway.things.arrivals).toHaveLength(0);
  });

  it('passes lines of If-Match on as one list, and a key with a comma as one key', async () => {
    const headers = [
      'host',
      'a',
      'authorization',
      `Bearer ${gateway.key}`,
      'if-match',
      'W/"1"',
      'If-Match',
      'W/"3"',
      'idempotency-key',
      'a, b',
    ];
    expect((await raw('POST', '/works/v1/things', headers)).status).toBe(200);
    expect(gateway.things.last.headers).toMatchObject({ 'if-match': 'W/"1", W/"3"', 'idempotency-key': 'a, b' });
  });

  it('sends each method to the service that the document names', async () => {
    await gateway.send('GET', '/parts');
    expect([gateway.parts.last.url, gateway.things.arrivals.length]).toEqual(['/parts', 0]);
  });

  /** As it is written, without the repairs of a URL parser. */
  const raw = (method: string, path: string, headers: Record<string, string> | string[] = { authorization: `Bearer ${gateway.key}` }) =>
    new Promise<Reply>((done, failed) => {
      const { port } = gateway;
      const request = send({ host: '127.0.0.1', port, path, method, headers, agent: false });
      request.on('error', failed).on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          done({ status: response.statusCode!, headers: response.headers, bytes, text: bytes.toString() });
        });
      });
      request.end();
    });
});

describe('what a key has written', () => {
  let gateway: OpenGateway;
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(() => gateway.close());

  const write = (position: string, headers = {}) => {
    gateway.things.answer = (_, response) => void response.writeHead(201, { 'works-position': position }).end('{}');
    return gateway.send('POST', '/things', headers, '{}');
  };
  const positionsOnRead = async (headers: Record<string, string> = {}) => {
    await gateway.send('GET', '/parts', headers);
    return gateway.parts.last.headers['works-seen-position'];
  };

  it('is what its next read waits for, wherever it goes', async () => {
    expect(await positionsOnRead()).toBeUndefined();
    const written = await write('things:e0000001.731');
    expect(written.headers['works-position']).toBe('things:e0000001.731');
    expect(await positionsOnRead()).toBe('things:e0000001.731');
  });

  it('counts by the newest of each service, in whatever order answers come', async () => {
    await write('things:e0000001.731');
    await write('things:e0000001.729,parts:e0000001.12');
    expect(await positionsOnRead()).toBe('things:e0000001.731,parts:e0000001.12');
  });

  // A service refuses what the client claims and it never told, but nobody for what only the gateway remembers.
  it('goes on beside what the caller passes back, and not mixed with it', async () => {
    await write('things:731,parts:12');
    expect(await positionsOnRead({ 'works-position': 'things:730,parts:13,others:1' })).toBe('things:731,parts:12');
    expect(gateway.parts.last.headers['works-position']).toBe('things:730,parts:13,others:1');
  });

  it('cannot be put into its mouth by a client', async () => {
    expect(await positionsOnRead({ 'works-seen-position': 'things:99' })).toBeUndefined();
  });

  // Guarantees that one key's writing slows nobody else down, and says nothing to anybody else.
  it('is nothing to another organization, to the other mode, or to another key', async () => {
    await write('things:731');
    const stranger = gateway.keys.add();
    const { livemode, organizationId } = gateway.caller;
    const otherMode = gateway.keys.add({ organizationId, livemode: !livemode });
    const otherKey = gateway.keys.add({ organizationId, livemode });
    for (const [{ key }, expected] of [
      [stranger, undefined],
      [otherMode, undefined],
      [otherKey, undefined],
    ] as const) {
      expect(await positionsOnRead({ authorization: `Bearer ${key}` })).toBe(expected);
    }
  });

  it.each(['yesterday', 'things:-1', 'things', 'things:1;parts:2', `things:${'9'.repeat(30)}`])(
    'cannot be claimed with %s',
    async (garbage) => {
      const reply = await gateway.send('GET', '/parts', { 'works-position': garbage });
      expect([reply.status, codeOf(reply)]).toEqual([400, 'invalid_header']);
      expect(gateway.parts.arrivals).toHaveLength(0);
    },
  );

  it('is not forgotten over an answer whose position is not one', async () => {
    await write('things:731');
    await write('nonsense');
    expect(await positionsOnRead()).toBe('things:731');
  });
});
