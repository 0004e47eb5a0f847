import { Body, Controller, Get, Module, Post, Query } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CALLER_HEADER, signCaller, type Caller } from '@works/platform/caller';
import { deriveKey } from '@works/platform/config';
import { RuleViolation } from '@works/platform/errors';
import type { CommandRequest } from '@works/platform/event-store';
import {
  Command,
  createHttpApp,
  CurrentCaller,
  IdParam,
  Metrics,
  Operation,
  RequireScope,
  resource,
  Unguarded,
} from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { createLogger } from '@works/platform/logging';
import { PLATFORM_PROBLEMS } from '@works/platform/problems';
import { Flag, IdOf, Instant, ListOf, LocalDate, Metadata, Nested, OneOf, Text, TimeZone, WholeNumber } from '.';

class Line {
  @Text({ max: 10 })
  text!: string;
}

class MakeThing {
  @Text({ max: 20 })
  name!: string;
  @IdOf('usr', { optional: true, nullable: true })
  owner_id?: string | null;
  @WholeNumber({ min: 1, max: 5, optional: true })
  size?: number;
  @Flag({ optional: true })
  loud?: boolean;
  @OneOf(['red', 'blue'], { optional: true })
  colour?: string;
  @LocalDate({ optional: true })
  due_on?: string;
  @Instant({ optional: true })
  due_at?: string;
  @TimeZone({ optional: true })
  time_zone?: string;
  @ListOf(() => Line, { optional: true, max: 2 })
  lines?: Line[];
  @ListOf('tsk', { optional: true })
  depends_on?: string[];
  @Nested(() => Line, { optional: true, nullable: true })
  line?: Line | null;
  @Metadata({ optional: true })
  metadata?: Record<string, string>;
}

class ListThings {
  @WholeNumber({ min: 1, max: 100, optional: true })
  limit?: number;
  @Flag({ optional: true })
  loud?: boolean;
}

@Controller()
class Things {
  @Post('/things')
  @RequireScope('things:write')
  @Operation({ summary: 'Make', tag: 'Things', body: MakeThing, answers: { 201: MakeThing } })
  make(@Body() body: MakeThing, @Command() request: CommandRequest) {
    if (body.name === 'sealed') throw new RuleViolation('not_found', 'Sealed.');
    if (body.name === 'bug') throw new Error('a secret of ours');
    return { body, fingerprint: request.fingerprint, ifMatch: request.ifMatch };
  }

  @Get('/things')
  @RequireScope('things:read')
  list(@Query() query: ListThings, @CurrentCaller() caller: Caller) {
    return { query, organization: caller.organizationId };
  }

  @Get('/things/:id')
  find(@IdParam('id', 'thg') id: string) {
    return resource({ id }, 3);
  }

  @Get('/open')
  @Unguarded()
  open() {
    return {};
  }
}

@Module({ controllers: [Things] })
class ThingsModule {}

const SECRET = 'a secret for specs that is long enough';
const caller: Caller = {
  organizationId: 'org_1',
  livemode: true,
  actor: { type: 'api_key', id: 'key_1' },
  scopes: ['things:write', 'things:read'],
  timeZone: 'UTC',
};
const signed = (as: Caller, nowMs = Date.now(), secret = SECRET) => ({
  [CALLER_HEADER]: signCaller(as, deriveKey(secret, 'caller'), nowMs),
});

describe('the HTTP kit', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    app = await createHttpApp({
      module: ThingsModule,
      catalogue: PLATFORM_PROBLEMS,
      secret: SECRET,
      logger: createLogger({ name: 'spec', level: 'silent' }),
      metrics: new Metrics('spec'),
      ready: { door: () => Promise.resolve(), cellar: () => Promise.reject(new Error('flooded')) },
    });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
  });
  afterAll(() => app.close());

  const post = (payload: unknown, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/things',
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k', ...signed(caller), ...headers },
    });
  const get = (url: string, headers: Record<string, string> = signed(caller)) => app.inject({ method: 'GET', url, headers });
  const fields = (answer: { json(): { errors?: { pointer: string; code: string }[] } }) =>
    (answer.json().errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`);

  it.each<[string, object, string[]]>([
    ['nothing', {}, ['/name required']],
    ['an unknown field', { name: 'x', shape: 1 }, ['/shape unknown_field']],
    ['another type', { name: 7, loud: 'yes', size: 'big' }, ['/loud wrong_type', '/name wrong_type', '/size wrong_type']],
    ['lengths', { name: 'x'.repeat(21) }, ['/name too_long']],
    ['an empty name', { name: '' }, ['/name too_short']],
    ['ranges', { name: 'x', size: 6 }, ['/size too_large']],
    ['a value of no list', { name: 'x', colour: 'green' }, ['/colour not_allowed']],
    ['an id of another type', { name: 'x', owner_id: newId('prj') }, ['/owner_id wrong_id_type']],
    ['no id', { name: 'x', owner_id: 'me' }, ['/owner_id malformed_id']],
    ['ids in a list', { name: 'x', depends_on: [newId('tsk'), 'x'] }, ['/depends_on/1 malformed_id']],
    ['a day that does not exist', { name: 'x', due_on: '2026-02-30' }, ['/due_on not_a_date']],
    ['an instant without offset', { name: 'x', due_at: '2026-02-03T10:00:00' }, ['/due_at not_an_instant']],
    ['no time zone', { name: 'x', time_zone: 'Mars/Olympus' }, ['/time_zone not_a_time_zone']],
    ['too many', { name: 'x', lines: [{ text: 'a' }, { text: 'b' }, { text: 'c' }] }, ['/lines too_many']],
    [
      'what is nested',
      { name: 'x', lines: [{ text: '' }], line: { text: 7, colour: 1 } },
      ['/line/colour unknown_field', '/line/text wrong_type', '/lines/0/text too_short'],
    ],
    ['metadata that is no text', { name: 'x', metadata: { a: 1 } }, ['/metadata/a wrong_type']],
    ['NUL and lone surrogates', { name: 'a\0', metadata: { a: '\ud800' } }, ['/name not_text', '/metadata/a not_text']],
  ])('names every bad field at once: %s', async (_, body, expected) => {
    const answer = await post(body);
    expect([answer.statusCode, answer.json().code, answer.headers['content-type']]).toEqual([
      422,
      'validation_failed',
      'application/problem+json; charset=utf-8',
    ]);
    expect(fields(answer)).toEqual(expected);
  });

  it('takes what is right, null where null is allowed', async () => {
    const body = {
      name: 'x',
      owner_id: null,
      line: null,
      due_on: '2024-02-29',
      due_at: '2026-02-03T10:00:00+05:30',
      time_zone: 'Asia/Kolkata',
      metadata: { a: 'b' },
    };
    const answer = await post(body);
    expect(answer.statusCode).toBe(201);
    expect(answer.json().body).toEqual(body);
  });

  it('reads query parameters as what they are', async () => {
    expect((await get('/things?limit=7&loud=true')).json().query).toEqual({ limit: 7, loud: true });
    expect(fields(await get('/things?limit=1000&colour=red'))).toEqual(['/colour unknown_field', '/limit too_large']);
  });

  it.each<[string, string, Record<string, string>, number, string]>([
    ['malformed JSON', '{', {}, 400, 'malformed_json'],
    ['another content type', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    ['a body over 1 MB', JSON.stringify({ name: 'x'.repeat(1_100_000) }), {}, 413, 'body_too_large'],
    ['no idempotency key', '{"name":"x"}', { 'idempotency-key': '' }, 400, 'idempotency_key_missing'],
    ['a long idempotency key', '{"name":"x"}', { 'idempotency-key': 'k'.repeat(256) }, 400, 'idempotency_key_invalid'],
    ['a bad If-Match', '{"name":"x"}', { 'if-match': 'three' }, 400, 'invalid_header'],
    ['a bad position', '{"name":"x"}', { 'works-position': 'yesterday' }, 400, 'invalid_header'],
  ])('refuses %s', async (_, body, headers, status, code) => {
    const answer = await post(body, headers);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
  });

  // Nobody learns whether the body or the key was good before they have shown who they are and what they may.
  it('asks who, then what they may, then for the key', async () => {
    const bad = { 'idempotency-key': '' };
    expect((await post({}, { ...bad, [CALLER_HEADER]: '' })).json().code).toBe('unauthenticated');
    expect((await post({}, { ...bad, ...signed({ ...caller, scopes: [] }) })).json().code).toBe('scope_missing');
    expect((await post({}, bad)).json().code).toBe('idempotency_key_missing');
  });

  it('believes only callers that we signed, a short time ago', async () => {
    for (const headers of [
      {},
      signed(caller, Date.now() - 31_000),
      signed(caller, Date.now(), 'another secret, long enough as well'),
      { [CALLER_HEADER]: 'a.b' },
      { [CALLER_HEADER]: `${signed(caller)[CALLER_HEADER]}x` },
    ]) {
      expect((await get('/things', headers as Record<string, string>)).statusCode).toBe(401);
    }
    expect((await get('/open', {})).statusCode).toBe(200);
  });

  it('has one fingerprint for one request, however its JSON is spelled', async () => {
    const one = await post('{"name":"x","size":1}');
    const same = await post('{ "size" : 1.0, "name":"\\u0078" }');
    const other = await post('{"name":"x","size":2}');
    expect(same.json().fingerprint).toBe(one.json().fingerprint);
    expect(other.json().fingerprint).not.toBe(one.json().fingerprint);
  });

  it('answers an id that is none like one that is not there', async () => {
    for (const id of ['x', newId('prj'), 'thg_1', '%00']) expect((await get(`/things/${id}`)).json().code).toBe('not_found');
    const found = await get(`/things/${newId('thg')}`);
    expect([found.statusCode, found.headers['etag']]).toEqual([200, 'W/"3"']);
  });

  it('answers with problems whatever happens, and tells nothing of a bug', async () => {
    expect((await post({ name: 'sealed' })).json()).toMatchObject({ status: 404, detail: 'Sealed.' });
    const bug = await post({ name: 'bug' });
    expect([bug.statusCode, bug.json().code, bug.body.includes('secret')]).toEqual([500, 'internal_error', false]);
    expect((await get('/nowhere')).json().code).toBe('route_not_found');
  });

  it('adopts request ids that are fit, and makes one otherwise', async () => {
    expect((await get('/open', { 'x-request-id': 'abc-1' })).headers['request-id']).toBe('abc-1');
    expect((await get('/open', { 'x-request-id': 'a b' })).headers['request-id']).toMatch(/^req_/);
  });

  it('says what is not ready', async () => {
    const answer = await get('/health/ready', {});
    expect([answer.statusCode, answer.json()]).toEqual([503, { status: 'not ready', failed: ['cellar'] }]);
    expect((await get('/metrics', {})).body).toContain('works_http_request_duration_seconds');
  });
});
