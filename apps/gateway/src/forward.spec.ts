import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { eventually } from '@works/platform/testing';
import { exchange, openGateway, type OpenGateway } from './gateway.examples';

const MB = 1_048_576;

/** Writes as much as is taken, and says how much that was. */
function pour(response: ServerResponse, megabytes: number) {
  const part = Buffer.alloc(MB / 8, 'x');
  const poured = { bytes: 0 };
  const more = () => {
    while (poured.bytes < megabytes * MB) {
      poured.bytes += part.length;
      if (!response.write(part)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
  return poured;
}

describe('an answer', () => {
  let gateway: OpenGateway;
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(() => gateway.close());

  /** Opens an answer and reads nothing of it yet. */
  const open = () =>
    new Promise<IncomingMessage>((done, failed) => {
      const headers = { authorization: `Bearer ${gateway.key}` };
      get(`${gateway.origin}/works/v1/things`, { headers, agent: false }, done).on('error', failed);
    });

  it('comes through as the service gave it', async () => {
    gateway.things.answer = (_, response) =>
      void response
        .writeHead(201, {
          'content-type': 'application/json; charset=utf-8',
          etag: 'W/"3"',
          location: '/things/thg_1',
          'idempotent-replayed': 'true',
          'x-internal': 'not for outsiders',
        })
        .end('{ "spaced" : "₹" }');
    const { status, headers, text } = await gateway.send('POST', '/things', { 'content-type': 'application/json' }, '{}');
    expect([status, text]).toEqual([201, '{ "spaced" : "₹" }']);
    expect(headers).toMatchObject({ etag: 'W/"3"', location: '/works/v1/things/thg_1', 'idempotent-replayed': 'true' });
    expect(headers).not.toHaveProperty('x-internal');
  });

  it('without a body stays without one', async () => {
    gateway.things.answer = (_, response) => void response.writeHead(204).end();
    const { status, text } = await gateway.send('DELETE', '/things/thg_1');
    expect([status, text]).toEqual([204, '']);
  });

  it('to HEAD has the headers alone', async () => {
    gateway.things.answer = (_, response) => void response.writeHead(200, { 'content-length': '5', etag: 'W/"1"' }).end();
    const { status, headers, text } = await gateway.send('HEAD', '/things');
    expect([status, headers.etag, text, gateway.things.last.method]).toEqual([200, 'W/"1"', '', 'HEAD']);
  });

  // Guarantees bounded memory: what a client does not read stays with the service, but for what the sockets hold.
  it('of any size flows only as fast as the client reads', async () => {
    let poured = { bytes: 0 };
    gateway.things.answer = (_, response) => {
      poured = pour(response.writeHead(200), 128);
    };
    const answer = await open();
    const stuckAt = await eventually(async () => {
      const before = poured.bytes;
      for (let other = 0; other < 50; other++) await gateway.send('GET', '/parts');
      expect(poured.bytes).toBe(before);
      return before;
    });
    expect(stuckAt).toBeLessThan(64 * MB);
    let read = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) read += chunk.length;
    expect(read).toBe(128 * MB);
  });

  it('is given up at the service when the client goes away', async () => {
    const ended = new Promise<boolean>((done) => {
      gateway.things.answer = (_, response) => {
        response.once('close', () => done(response.writableFinished));
        pour(response.writeHead(200), 64);
      };
    });
    (await open()).destroy();
    expect(await ended).toBe(false);
  });

  it('is given up before it has begun when the client goes away', async () => {
    const ended = new Promise<boolean>((done) => {
      gateway.things.answer = (_, response) => void response.once('close', () => done(response.headersSent));
    });
    const request = get(`${gateway.origin}/works/v1/things`, { headers: { authorization: `Bearer ${gateway.key}` }, agent: false });
    request.on('error', () => undefined);
    await eventually(() => expect(gateway.things.arrivals).toHaveLength(1));
    request.destroy();
    expect(await ended).toBe(false);
  });

  // Guarantees that half an answer never looks like a whole one, with a length and without.
  it.each([
    ['that said its length', { 'content-length': '1000' }],
    ['that did not say its length', {}],
  ])('%s and breaks off breaks the client’s connection too', async (_, headers) => {
    gateway.things.answer = (_request, response) => {
      response.writeHead(200, headers).write('half of it');
      setImmediate(() => response.destroy());
    };
    await expect(gateway.send('GET', '/things')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('an answer that is long in coming', () => {
  let gateway: OpenGateway;
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(() => gateway.close());

  const waiters = (count: number) => {
    gateway.things.answer = ({ url }, response) => void (url.endsWith('/news') || response.writeHead(200).end('{}'));
    return Array.from({ length: count }, () => gateway.send('GET', '/things/thg_1/news'));
  };

  // Guarantees that nobody can take a service from the others by waiting at it: there are more waiters here than connections.
  it('holds up nobody who does not wait', async () => {
    const waiting = waiters(12);
    await eventually(() => expect(gateway.things.arrivals).toHaveLength(8));
    expect((await gateway.send('GET', '/things')).status).toBe(200);
    await gateway.tellThoseWhoWait();
    await Promise.all(waiting);
  });

  it('is a 503 that says to come back when we stop', async () => {
    const waiting = waiters(3);
    await eventually(() => expect(gateway.things.arrivals).toHaveLength(3));
    await gateway.tellThoseWhoWait();
    for (const { status, headers } of await Promise.all(waiting)) expect([status, headers['retry-after']]).toEqual([503, '1']);
  });
});

describe('a service that is away', () => {
  let gateway: OpenGateway;
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(() => gateway.close());

  it.each(['GET', 'POST'])('is a 503 that says when to try again (%s)', async (method) => {
    await gateway.things.close();
    const { status, headers, text } = await gateway.send(method, '/things');
    expect([status, headers['retry-after'], headers['content-type']]).toEqual([503, '1', 'application/problem+json; charset=utf-8']);
    expect(JSON.parse(text)).toMatchObject({ code: 'unavailable', retryable: true, request_id: headers['request-id'] });
  });

  it('takes none of the others with it', async () => {
    await gateway.things.close();
    expect((await gateway.send('GET', '/parts')).status).toBe(200);
  });

  // A service that was restarted has closed the sockets that we keep: nobody outside needs to know.
  it.each<[string, string, string | undefined]>([
    ['GET', 'a read', undefined],
    ['POST', 'a mutation with its body', '{"name":"x"}'],
  ])('for a moment only: %s, %s, is sent once more on a fresh connection', async (method, _, body) => {
    let left = 1;
    gateway.things.answer = (_request, response) =>
      left-- > 0 ? void response.socket!.destroy() : void response.writeHead(200).end('there');
    const { status, text } = await gateway.send(method, '/things', { 'idempotency-key': 'k' }, body);
    expect([status, text]).toEqual([200, 'there']);
    expect(gateway.things.arrivals.map((arrival) => arrival.body.toString())).toEqual([body ?? '', body ?? '']);
    expect(gateway.things.arrivals.map(({ headers }) => headers['idempotency-key'])).toEqual(['k', 'k']);
  });

  it('is not asked a third time', async () => {
    gateway.things.answer = (_, response) => void response.socket!.destroy();
    expect((await gateway.send('POST', '/things', {}, '{}')).status).toBe(503);
    expect(gateway.things.arrivals).toHaveLength(2);
  });

  it('is found again on the same address', async () => {
    await gateway.send('GET', '/things');
    for (const socket of gateway.things.sockets) socket.destroy();
    expect((await gateway.send('POST', '/things', {}, '{}')).status).toBe(200);
  });
});

describe('what reaches a service', () => {
  let gateway: OpenGateway;
  beforeAll(async () => {
    gateway = await openGateway();
  });
  afterAll(() => gateway.close());

  it('has the address without our prefix, as it was written', async () => {
    await gateway.send('GET', '/things/a%2Fb?x=%20&y=1,2&y=3');
    expect(gateway.things.last.url).toBe('/things/a%2Fb?x=%20&y=1,2&y=3');
  });

  it('has it also when the client wrote the host before it, as to a proxy', async () => {
    const answer = await new Promise<number | undefined>((done) => {
      const request = {
        port: gateway.port,
        path: `${gateway.origin}/works/v1/things?a=1`,
        headers: { authorization: `Bearer ${gateway.key}` },
      };
      get({ host: '127.0.0.1', ...request, agent: false }, (response) => done(response.resume().statusCode));
    });
    expect([answer, gateway.things.last.url]).toEqual([200, '/things?a=1']);
  });

  it('has what a mutation needs', async () => {
    const needed = {
      'content-type': 'application/json',
      'idempotency-key': 'k-1',
      'if-match': 'W/"3"',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'x-request-id': 'mine-1',
    };
    await gateway.send('POST', '/things', needed, '{}');
    expect(gateway.things.last.headers).toMatchObject(needed);
  });

  // Guarantees that the key stays here, and that nobody outside can speak in the gateway's name.
  it('has neither the key nor anything that only we may say', async () => {
    await gateway.send('POST', '/things', {
      'works-caller': 'forged',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=10.0.0.1',
      'x-real-ip': '10.0.0.1',
      cookie: 'a=b',
      te: 'trailers',
      'proxy-authorization': 'Basic x',
      'keep-alive': 'timeout=1',
      'x-anything': 'else',
    });
    const { headers } = gateway.things.last;
    expect(Object.keys(headers).sort()).toEqual(['connection', 'host', 'works-caller', 'x-request-id', 'content-length'].sort());
    expect(JSON.stringify(headers)).not.toContain(gateway.key);
    expect(headers['works-caller']).not.toBe('forged');
  });

  it('has the caller, signed', async () => {
    await gateway.send('GET', '/things');
    expect(gateway.callerOf(gateway.things.last)).toEqual(gateway.caller);
  });
});

describe('a connection of the client', () => {
  it('that upgrades gets no upgrade', async () => {
    const gateway = await openGateway();
    const { status } = await exchange('GET', `${gateway.origin}/works/v1/things`, {
      authorization: `Bearer ${gateway.key}`,
      connection: 'upgrade',
      upgrade: 'websocket',
    });
    expect(status).toBe(200);
    expect(gateway.things.last.headers).not.toHaveProperty('upgrade');
    await gateway.close();
  });
});
