import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { request as sendRaw } from 'node:http';
import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { CALLER_HEADER } from '../caller';
import { newId } from '../ids';
import { CALLER, openThings, signedBy, Things } from './things.examples';

const GOOD = '{"name":"x"}';
const MUTATION = [CALLER_HEADER, signedBy()[CALLER_HEADER]!, 'content-type', 'application/json', 'idempotency-key', 'k'];
type Headers = Record<string, string>;

describe('the front door', () => {
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    ({ app, url } = await openThings({ clock: () => new Date('2026-11-23T10:00:00Z') }));
  });
  afterAll(() => app.close());

  const send = async (method: string, path: string, headers: Headers = {}, body?: string | Buffer) => {
    const answer = await fetch(url + path, { method, headers: { ...signedBy(), ...headers }, ...(body !== undefined && { body }) });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: text === '' ? {} : JSON.parse(text) };
  };
  const post = (body: string | Buffer | undefined, headers: Headers = {}) =>
    send('POST', '/things', { 'content-type': 'application/json', 'idempotency-key': 'k', ...headers }, body);
  /** Exactly these lines, names and values in turn. */
  const lines = (method: string, path: string, headers: string[], body: string) =>
    new Promise<{ status: number; json: Record<string, any> }>((done, failed) => {
      const request = sendRaw(url + path, { method, headers: ['host', 'a', 'content-length', `${body.length}`, ...headers], agent: false });
      request.on('error', failed).on('response', (response) => {
        let text = '';
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.on('end', () => done({ status: response.statusCode!, json: JSON.parse(text) }));
      });
      request.end(body);
    });
  const get = (path: string, headers: Headers = {}) => send('GET', path, headers);

  // Guarantees that nothing of ours, of Nest's or of Fastify's ever answers in another shape, and that nothing half-done is left.
  it.each<[string, () => ReturnType<typeof send>, number, string]>([
    ['malformed JSON', () => post('{'), 400, 'malformed_json'],
    ['a body cut short', () => post('{"name":"x'), 400, 'malformed_json'],
    ['bytes that are not UTF-8', () => post(Buffer.from([0x7b, 0x22, 0x6e, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])), 400, 'malformed_json'],
    ['brackets without end', () => post('['.repeat(500_000)), 400, 'malformed_json'],
    [
      'a value deep inside a free field',
      () => post(`{"name":"x","notes":{"a":${'['.repeat(90_000)}${']'.repeat(90_000)}}}`),
      400,
      'malformed_json',
    ],
    ['a key that reaches for a prototype', () => post('{"name":"x","__proto__":{"admin":true}}'), 400, 'malformed_json'],
    ['a form', () => post('name=x', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'unsupported_media_type'],
    ['a kind of JSON that is not ours', () => post(GOOD, { 'content-type': 'application/vnd.api+json' }), 415, 'unsupported_media_type'],
    ['a compressed body', () => post(gzipSync(GOOD), { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type'],
    ['text', () => post(GOOD, { 'content-type': 'text/plain' }), 415, 'unsupported_media_type'],
    ['a body over 1 MB', () => post(`{"name":"${'x'.repeat(1_048_576)}"}`), 413, 'body_too_large'],
    ['no Idempotency-Key', () => post(GOOD, { 'idempotency-key': '' }), 400, 'idempotency_key_missing'],
    ['an Idempotency-Key of 256 characters', () => post(GOOD, { 'idempotency-key': 'k'.repeat(256) }), 400, 'idempotency_key_invalid'],
    ['an Idempotency-Key that is not ASCII', () => post(GOOD, { 'idempotency-key': 'cl\u00e9' }), 400, 'idempotency_key_invalid'],
    ['an If-Match that is no ETag of ours', () => post(GOOD, { 'if-match': 'three' }), 400, 'invalid_header'],
    ['an If-Match with one of several that is none', () => post(GOOD, { 'if-match': 'W/"1", two' }), 400, 'invalid_header'],
    ['an If-Match with nothing between two commas', () => post(GOOD, { 'if-match': 'W/"1", ,W/"2"' }), 400, 'invalid_header'],
    ['a Works-Position of somebody else', () => post(GOOD, { 'works-position': 'yesterday' }), 400, 'invalid_header'],
    ['an unknown address', () => get('/nowhere'), 404, 'route_not_found'],
    ['a slash too many', () => get('/things/'), 404, 'route_not_found'],
    ['a percent-escape that is none', () => get('/things/%zz'), 404, 'route_not_found'],
    ['a percent-escape that is not UTF-8', () => get('/things/%ff'), 404, 'route_not_found'],
    ['an endless segment', () => get(`/things/${'x'.repeat(9_000)}`), 404, 'route_not_found'],
    ['NUL in the place of an id', () => get('/things/%00'), 404, 'not_found'],
    ['an id of another type', () => get(`/things/${newId('prj')}`), 404, 'not_found'],
    ['a parameter twice', () => get('/things?limit=1&limit=2'), 422, 'validation_failed'],
    ['a parameter in brackets', () => get('/things?limit[]=1'), 422, 'validation_failed'],
    ['a prototype as a parameter', () => get('/things?__proto__=1'), 422, 'validation_failed'],
    ['null as a body', () => post('null'), 422, 'validation_failed'],
    ['a list as a body', () => post('[]'), 422, 'validation_failed'],
    ['a database that is away', () => post('{"name":"outage"}'), 503, 'unavailable'],
    ['a bug', () => post('{"name":"bug"}'), 500, 'internal_error'],
  ])('refuses %s with a problem', async (_, attempt, status, code) => {
    const handled = Things.handled;
    const answer = await attempt();
    expect([answer.status, answer.json.status, answer.json.code]).toEqual([status, status, code]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(answer.json.request_id).toBe(answer.headers.get('request-id'));
    expect(answer.text).not.toMatch(/secret|10\.0\.0\.7|stack|node_modules/);
    expect(Things.handled - handled).toBe(status >= 500 ? 1 : 0);
  });

  it.each([
    ['PUT', '/things', 'GET, HEAD, POST'],
    ['DELETE', '/things', 'GET, HEAD, POST'],
    ['OPTIONS', '/things', 'GET, HEAD, POST'],
    ['POST', `/things/${newId('thg')}`, 'GET, HEAD'],
    ['PATCH', '/things/anything?at=all', 'GET, HEAD'],
    ['PUT', '/things?limit=1', 'GET, HEAD, POST'],
  ])('answers %s %s with 405 and the methods it takes', async (method, path, allow) => {
    const answer = await send(method, path);
    expect([answer.status, answer.json.code, answer.headers.get('allow')]).toEqual([405, 'method_not_allowed', allow]);
  });

  it('names at most a hundred bad fields, and says how many there are', async () => {
    const answer = await post(JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`field_${n}`, n]))));
    expect([answer.status, answer.json.errors.length]).toEqual([422, 100]);
    expect(answer.json.detail).toBe('20001 fields are invalid; the first 100 are named.');
  });

  // What clients of every language do when they have no body: axios, Ruby, PHP, `curl -d ''`, Java and .NET name a type for it.
  it.each(['application/x-www-form-urlencoded', 'text/plain;charset=UTF-8', 'application/octet-stream', 'multipart/form-data; boundary=x'])(
    'takes no bytes that are called %s as no body',
    async (type) => {
      const path = `/things/${newId('thg')}/seal`;
      const headers = [...MUTATION.map((value) => (value === 'application/json' ? type : value))];
      expect((await lines('POST', path, headers, '')).status).toBe(201);
      expect((await lines('POST', path, headers, '{}')).json.code).toBe('unsupported_media_type');
      const chunked = sendRaw(url + path, {
        method: 'POST',
        headers: ['host', 'a', 'transfer-encoding', 'chunked', ...headers],
        agent: false,
      });
      const [answer] = (await once(chunked.end(), 'response')) as [IncomingMessage];
      expect(answer.resume().statusCode).toBe(201);
    },
  );

  it.each([
    ['{"name":"x","notes":{"a":1,"b":2,"\\u0061":3}}', '/notes/a'],
    ['{"name":"x","name":"x"}', '/name'],
    ['{"name":"x","notes":{"l":[{},{"a/b":{}, "c":"\\"}", "a/b" :[]}]}}', '/notes/l/1/a~1b'],
  ])('names the member that %s has twice', async (body, pointer) => {
    const { status, json } = await post(body);
    expect([status, json.code, json.detail]).toEqual([400, 'malformed_json', expect.stringContaining(` ${pointer} twice`)]);
  });

  // Guarantees that nobody finds another number than they sent.
  it('refuses numbers that a double does not hold, where they are', async () => {
    const held = '{"name":"x","notes":{"n":[9007199254740991,-9007199254740991,1e15,0e-400,0.1,0.12345678901234567890,-1.5E-9,"1E400"]}}';
    expect((await post(held)).status).toBe(201);
    const lost = ['1E400', '-1e309', '9007199254740992', '12345678901234567890', '1e20', '1e-400', '9007199254740993.0'];
    const { status, json } = await post(`{"name":"x","notes":{"n":[${lost.join(', ')}]}}`);
    expect([status, json.code]).toEqual([422, 'validation_failed']);
    expect(json.errors.map(({ pointer, code }: Record<string, string>) => `${pointer} ${code}`)).toEqual(
      lost.map((_, n) => `/notes/n/${n} out_of_range`),
    );
  });

  it.each([
    ['{"name":"x",}', 'at line 1, column 13.'],
    ['{"name":"x",\n "notes": {"a": [1, 2,]}}', 'at line 2, column 23.'],
    ["{'name': 1}", 'at line 1, column 2.'],
    ['{"name":"x"', 'it ends too early, at line 1, column 12.'],
    ['{"name":nul}', 'at line 1, column 12.'],
  ])('says where %s stops being JSON', async (body, place) => {
    expect((await post(body)).json.detail).toContain(place);
  });

  it('takes an absent and an empty body as an empty object', async () => {
    for (const body of [undefined, '', ' \n']) {
      expect((await post(body)).json.errors).toEqual([{ pointer: '/name', code: 'required', detail: 'is required' }]);
    }
    const typeless = await send('POST', '/things', { 'idempotency-key': 'k' });
    expect(typeless.json.code).toBe('validation_failed');
  });

  // Guarantees that a misspelt parameter never passes for one that was understood, also where there are none to spell.
  it('names what an operation without a body or a query was given all the same', async () => {
    const seal = (query: string, body?: string) =>
      send(
        'POST',
        `/things/${newId('thg')}/seal${query}`,
        { 'idempotency-key': 'k', ...(body !== undefined && { 'content-type': 'application/json' }) },
        body,
      );
    const named = async (answer: ReturnType<typeof seal>) => {
      const { status, json } = await answer;
      return [status, ...(json.errors ?? []).map(({ pointer, code }: Record<string, string>) => `${pointer} ${code}`)];
    };
    expect(await named(seal('?hard=true', '{"by":"me","a/b":1}'))).toEqual([
      422,
      '/hard unknown_field',
      '/by unknown_field',
      '/a~1b unknown_field',
    ]);
    expect(await named(seal('', '[]'))).toEqual([422, ' wrong_type']);
    expect(await named(seal('', 'null'))).toEqual([422, ' wrong_type']);
    for (const nothing of [undefined, '', '{}']) expect(await named(seal('', nothing))).toEqual([201]);
  });

  it('says of a value of the wrong type only that', async () => {
    const { json } = await get('/things?limit=a&limit=b');
    expect(json.errors).toEqual([{ pointer: '/limit', code: 'wrong_type', detail: 'must be a whole number' }]);
    expect((await post('{"name":7}')).json.errors).toEqual([{ pointer: '/name', code: 'wrong_type', detail: 'must be text' }]);
  });

  it('counts brackets of the JSON only, not those in its texts', async () => {
    const text = `one quote " and ${'[{'.repeat(500)} \\`;
    const answer = await post(JSON.stringify({ name: 'x', notes: { text, after: [[text]] } }));
    expect([answer.status, answer.json.body?.notes.text]).toEqual([201, text]);
    const nested = (levels: number) => post(`{"name":"x","notes":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`);
    expect([(await nested(62)).status, (await nested(63)).status]).toEqual([201, 400]);
  });

  it('carries the words of a rule through', async () => {
    expect((await post('{"name":"sealed"}')).json).toMatchObject({ status: 404, detail: 'Sealed.', sealed_by: 'rule', retryable: false });
  });

  it('says when to come back, where waiting helps', async () => {
    expect((await post('{"name":"outage"}')).headers.get('retry-after')).toBe('1');
  });

  // Nobody learns whether the body, the id or the key was good before they have shown who they are and what they may.
  it('asks who, then what they may, then for the key, then looks at the body', async () => {
    const noKey = { 'idempotency-key': '' };
    const stranger = await post('{}', { ...noKey, [CALLER_HEADER]: '' });
    expect([stranger.json.code, stranger.headers.get('www-authenticate')]).toEqual(['unauthenticated', 'Bearer']);
    const reader = await post('{}', { ...noKey, ...signedBy({ scopes: ['things:read'] }) });
    expect([reader.json.code, reader.json.scope]).toEqual(['scope_missing', 'things:write']);
    expect((await post('{}', noKey)).json.code).toBe('idempotency_key_missing');
    expect((await post('{}')).json.code).toBe('validation_failed');
  });

  it('believes only callers that we signed, a short time ago', async () => {
    const signed = signedBy()[CALLER_HEADER]!;
    const another = signedBy({ organizationId: 'org_2' })[CALLER_HEADER]!;
    const forged = [
      '',
      'a.b',
      `${signed}x`,
      `${signed}.`,
      signed.split('.')[0]!,
      `${another.split('.')[0]}.${signed.split('.')[1]}`,
      signedBy({}, Date.now() - 30_001)[CALLER_HEADER]!,
      signedBy({}, Date.now(), 'another secret, long enough as well')[CALLER_HEADER]!,
    ];
    for (const header of forged) expect((await get('/things', { [CALLER_HEADER]: header })).status).toBe(401);
    expect((await get('/things', { [CALLER_HEADER]: signed })).json.organization).toBe(CALLER.organizationId);
  });

  it('forgets a caller it knew when the signature has expired', async () => {
    const signed = signedBy();
    expect((await get('/things', signed)).status).toBe(200);
    const later = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 30_001);
    expect((await get('/things', signed)).status).toBe(401);
    later.mockRestore();
  });

  it('lets everybody in where nothing is told of a tenant', async () => {
    for (const path of ['/open', '/health/live', '/metrics']) expect((await fetch(url + path)).status).toBe(200);
  });

  it('hands a mutation over with all that the event store needs', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { json } = await post(GOOD, { 'if-match': 'W/"3"', 'x-request-id': 'abc-1', traceparent });
    expect(json).toMatchObject({
      caller: CALLER,
      now: '2026-11-23T10:00:00.000Z',
      requestId: 'abc-1',
      idempotencyKey: 'k',
      ifMatch: [3],
      traceparent,
    });
    expect((await post(GOOD, { 'if-match': '*', traceparent: 'x'.repeat(4_000) })).json).toMatchObject({
      ifMatch: null,
      traceparent: null,
    });
  });

  it('takes several lines of If-Match, or one with a list, as one list', async () => {
    const ifMatch = async (...tags: string[]) =>
      (await lines('POST', '/things', [...MUTATION, ...tags.flatMap((tag) => ['if-match', tag])], GOOD)).json.ifMatch;
    expect(await ifMatch('W/"1"', '"3"')).toEqual([1, 3]);
    expect(await ifMatch('W/"1" ,W/"3"', 'W/"7"')).toEqual([1, 3, 7]);
    expect(await ifMatch('W/"1"', '*')).toBeNull();
  });

  it.each([
    ['Idempotency-Key', 'k'],
    ['Works-Position', 'things:1'],
    ['Content-Type', 'application/json'],
  ])('refuses %s on two lines by name, before it asks who', async (name, value) => {
    const handled = Things.handled;
    for (const second of [value, 'text/plain']) {
      const answer = await lines('POST', '/things', [CALLER_HEADER, '', name, value, name.toLowerCase(), second], GOOD);
      expect([answer.status, answer.json.code, answer.json.header]).toEqual([400, 'invalid_header', name]);
      expect(answer.json.request_id).toMatch(/^req_/);
    }
    expect(Things.handled).toBe(handled);
  });

  it('takes a comma as a part of a key', async () => {
    expect((await post(GOOD, { 'idempotency-key': 'a, b' })).json.idempotencyKey).toBe('a, b');
  });

  it('adopts request ids that are fit for logs and headers, and makes one otherwise', async () => {
    const idFor = async (given: string) => (await get('/open', { 'x-request-id': given })).headers.get('request-id')!;
    for (const given of ['abc-1', 'A.b_c', 'x'.repeat(64)]) expect(await idFor(given)).toBe(given);
    for (const given of ['a b', 'x'.repeat(65), 'a"b', '<script>']) expect(await idFor(given)).toMatch(/^req_[0-9A-Z]{26}$/);
    expect((await get('/things/%zz', { 'x-request-id': 'abc-2' })).headers.get('request-id')).toBe('abc-2');
  });

  it('sends bytes that are final as they are, and one resource with its ETag', async () => {
    const raw = await get(`/things/thg_${'0'.repeat(26)}`);
    expect([raw.text, raw.headers.get('etag')]).toEqual(['{ "spaced" : 1 }', null]);
    const found = await get(`/things/thg_${'1'.repeat(26)}`);
    expect([found.status, found.headers.get('etag')]).toEqual([200, 'W/"3"']);
  });
});
