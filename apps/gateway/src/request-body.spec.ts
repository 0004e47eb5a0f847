import { randomBytes } from 'node:crypto';
import { Agent, request as send } from 'node:http';
import { connect } from 'node:net';
import { eventually } from '@works/platform/testing';
import { openGateway, type OpenGateway } from './gateway.examples';

const MB = 1_048_576;

describe('a body', () => {
  let gateway: OpenGateway;
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(() => gateway.close());

  const chunkHead = () =>
    `POST /works/v1/things HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
  const chunk = (bytes: Buffer) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

  /** Writes raw bytes and gives back all that is answered until `enough` of it has come. */
  const raw = (bytes: (string | Buffer)[], enough: (text: string) => boolean): Promise<string> =>
    new Promise((done, failed) => {
      let text = '';
      const socket = connect(gateway.port, '127.0.0.1', () => bytes.forEach((part) => socket.write(part)));
      socket.on('data', (part) => {
        text += part.toString();
        if (!enough(text)) return;
        done(text);
        socket.destroy();
      });
      socket.on('close', () => failed(new Error(`the connection ended after: ${text}`)));
      socket.on('error', failed);
    });

  it.each([0, 1, 65_536, 65_537, 300_000, MB])('of %i bytes reaches the service unchanged', async (length) => {
    const body = randomBytes(length);
    const { status } = await gateway.send('POST', '/things', { 'content-length': String(length) }, body);
    expect(status).toBe(200);
    expect(gateway.things.last.body.equals(body)).toBe(true);
    expect(gateway.things.last.headers['content-length']).toBe(String(length));
  });

  it('that does not say its length reaches the service unchanged', async () => {
    const parts = [randomBytes(1), randomBytes(100_000), randomBytes(70_000)];
    await raw([chunkHead(), ...parts.map(chunk), '0\r\n\r\n'], (text) => text.includes('HTTP/1.1 200'));
    expect(gateway.things.last.body.equals(Buffer.concat(parts))).toBe(true);
  });

  it('over 64 KB is on its way before its end has come', async () => {
    const arrived = new Promise<number>((first) => gateway.things.whileReading((bytes) => first(bytes)));
    const request = send(`${gateway.origin}/works/v1/things`, {
      method: 'POST',
      agent: false,
      headers: { authorization: `Bearer ${gateway.key}`, 'content-length': '500000' },
    });
    request.write(randomBytes(100_000));
    expect(await arrived).toBeGreaterThan(0);
    request.end(randomBytes(400_000));
    const answer = await new Promise<{ statusCode?: number }>((done) => request.once('response', done));
    expect(answer.statusCode).toBe(200);
    expect(gateway.things.last.body).toHaveLength(500_000);
  });

  it('over 1 MB is refused by the length it says, and nothing of it goes further', async () => {
    const refused = await gateway.send('POST', '/things', { 'content-length': String(2 * MB) }, randomBytes(2 * MB));
    expect([refused.status, refused.headers['content-type']]).toEqual([413, 'application/problem+json; charset=utf-8']);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'body_too_large', status: 413 });
    expect(gateway.things.arrivals).toHaveLength(0);
  });

  // Guarantees that a client which is still sending reads its 413, and can go on with the same connection.
  it.each([
    ['that says its length', `content-length: ${3 * MB}\r\n`, (bytes: Buffer) => bytes, ''],
    ['that does not say it', 'transfer-encoding: chunked\r\n', chunk, '0\r\n\r\n'],
  ])('over 1 MB %s leaves the connection usable', async (_, length, framed, end) => {
    const head = `POST /works/v1/things HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\n${length}\r\n`;
    const next = `GET /works/v1/things HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\n\r\n`;
    const bytes = framed(randomBytes(MB));
    const answers = await raw([head, bytes, bytes, bytes, end, next], (text) => text.includes('HTTP/1.1 200'));
    expect(answers).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"body_too_large"/);
    expect(gateway.things.arrivals.map(({ method }) => method)).toEqual(['GET']);
  });

  it('that breaks off never becomes a request of the service', async () => {
    const socket = connect(gateway.port, '127.0.0.1', () => socket.write(Buffer.concat([Buffer.from(chunkHead()), chunk(randomBytes(9))])));
    await eventually(() => expect(gateway.keys.lookUps).toBe(1));
    socket.destroy();
    await gateway.send('GET', '/things');
    expect(gateway.things.arrivals.map(({ method }) => method)).toEqual(['GET']);
  });

  // Guarantees that the refusal of a service which does not read on is an answer, not a broken connection.
  it('that the service refuses half-read still gets the answer of the service', async () => {
    gateway.things.early = (_request, response) => void response.writeHead(422, { 'content-type': 'text/plain' }).end('no');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const request = send(`${gateway.origin}/works/v1/things`, {
      method: 'POST',
      agent,
      headers: { authorization: `Bearer ${gateway.key}`, 'content-length': String(MB) },
    });
    request.write(randomBytes(MB / 2));
    const answer = await new Promise<{ statusCode?: number; resume(): void }>((done, failed) => {
      request.once('response', done);
      request.once('error', failed);
    });
    answer.resume();
    expect(answer.statusCode).toBe(422);
    request.end(randomBytes(MB / 2));
    agent.destroy();
  });

  it('over 64 KB for a service that is away gets its 503 all the same', async () => {
    await gateway.things.close();
    const { status, text } = await gateway.send('POST', '/things', { 'content-length': String(MB) }, randomBytes(MB));
    expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([503, 'unavailable']);
  });
});
