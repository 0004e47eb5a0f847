import { Body, Controller, Get, Module, Post, Query } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CALLER_HEADER, signCaller } from '@works/platform/caller';
import { deriveKey } from '@works/platform/config';
import { createHttpApp, Metrics } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { createLogger } from '@works/platform/logging';
import { PLATFORM_PROBLEMS } from '@works/platform/problems';
import {
  classBy,
  Fixed,
  Flag,
  HeaderMap,
  IdOf,
  Instant,
  Json,
  ListOf,
  LocalDate,
  MapOf,
  Metadata,
  MetadataChanges,
  Nested,
  OneOf,
  PlannedDate,
  PlannedInstant,
  Quantity,
  Text,
  TimeZone,
  WholeNumber,
  WithoutFields,
  Words,
} from '.';

class Line {
  @Text({ max: 10 })
  text!: string;
}

class Circle {
  @Fixed('circle')
  shape!: 'circle';
  @WholeNumber({ min: 1, max: 5 })
  radius!: number;
}

class Square {
  @Fixed('square')
  shape!: 'square';
  @WholeNumber({ min: 1, max: 5, optional: true })
  side?: number;
}

@WithoutFields()
class Nothing {}

class MakeThing {
  @Text({ max: 20 })
  name!: string;
  @Text({ max: 20, optional: true, pattern: /^[a-z0-9_]+$/ })
  slug?: string;
  @IdOf('usr', { optional: true, nullable: true })
  owner_id?: string | null;
  @IdOf('evt', { optional: true })
  event_id?: string;
  @IdOf('zzz', { optional: true })
  foreign_id?: string;
  @WholeNumber({ min: 1, max: 5, optional: true })
  size?: number;
  @Quantity({ optional: true })
  weight?: number;
  @Flag({ optional: true })
  loud?: boolean;
  @OneOf(['red', 'blue'], { optional: true, nullable: true })
  colour?: string | null;
  @LocalDate({ optional: true, nullable: true })
  due_on?: string | null;
  @Instant({ optional: true })
  due_at?: string;
  @TimeZone({ optional: true })
  time_zone?: string;
  @ListOf(() => Line, { optional: true, max: 2 })
  lines?: Line[];
  @Words({ max: 20, optional: true, nullable: true })
  title?: string | null;
  @PlannedDate({ optional: true })
  starts_on?: string;
  @PlannedInstant({ optional: true })
  starts_at?: string;
  @ListOf('tsk', { optional: true })
  depends_on?: string[];
  @Nested(() => Line, { optional: true, nullable: true })
  line?: Line | null;
  @Metadata({ optional: true })
  metadata?: Record<string, string>;
  @MetadataChanges({ optional: true })
  changes?: Record<string, string | null>;
  @ListOf(classBy('shape', { circle: Circle, square: Square }), { optional: true, min: 1, max: 3 })
  shapes?: (Circle | Square)[];
  @MapOf('usr', { optional: true })
  roles?: Record<string, string>;
  @HeaderMap({ optional: true })
  headers?: Record<string, string>;
  @Json({ optional: true })
  notes?: Record<string, unknown>;
}

class ListThings {
  @WholeNumber({ min: 1, max: 100, optional: true })
  limit?: number;
  @Flag({ optional: true })
  loud?: boolean;
  @IdOf('usr', { optional: true })
  owner_id?: string;
  @Metadata({ optional: true })
  metadata?: Record<string, string>;
}

@Controller()
class Things {
  @Post('/things')
  make(@Body() body: MakeThing) {
    return body;
  }

  @Post('/nothing')
  nothing(@Body() body: Nothing) {
    return body;
  }

  @Get('/things')
  list(@Query() query: ListThings) {
    return query;
  }
}

@Module({ controllers: [Things] })
class ThingsModule {}

const SECRET = 'a secret for specs that is long enough';

describe('the fields of a request', () => {
  const admitted = {
    [CALLER_HEADER]: signCaller(
      { organizationId: 'org_1', livemode: true, actor: { type: 'api_key', id: 'key_1' }, scopes: [], timeZone: 'UTC' },
      deriveKey(SECRET, 'caller'),
      Date.now(),
    ),
  };
  let app: NestFastifyApplication;

  beforeAll(async () => {
    app = await createHttpApp({
      module: ThingsModule,
      catalogue: PLATFORM_PROBLEMS,
      secret: SECRET,
      logger: createLogger({ name: 'spec', level: 'silent' }),
      metrics: new Metrics('spec'),
      ready: {},
    });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
  });
  afterAll(() => app.close());

  const post = async (body: unknown, url = '/things') => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k', ...admitted };
    const answer = await app.inject({ method: 'POST', url, payload: JSON.stringify(body), headers });
    return { status: answer.statusCode, json: answer.json() };
  };
  const get = async (url: string) => (await app.inject({ method: 'GET', url, headers: admitted })).json();
  const named = ({ errors }: { errors?: { pointer: string; code: string }[] }) =>
    (errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`);
  const only = async (field: object) => named((await post({ name: 'x', ...field })).json);

  it.each<[string, object, string[]]>([
    ['nothing', {}, ['/name required']],
    ['an unknown field', { name: 'x', shape: 1 }, ['/shape unknown_field']],
    ['another type', { name: 7, loud: 'yes', size: 'big' }, ['/loud wrong_type', '/name wrong_type', '/size wrong_type']],
    ['a 300-character name', { name: 'x'.repeat(300) }, ['/name too_long']],
    ['an empty name', { name: '' }, ['/name too_short']],
    ['a slug that is empty, once', { name: 'x', slug: '' }, ['/slug too_short']],
    ['a slug with capitals', { name: 'x', slug: 'Fitout' }, ['/slug wrong_format']],
    ['ranges', { name: 'x', size: 6, weight: -1 }, ['/size too_large', '/weight too_small']],
    ['half a thing', { name: 'x', size: 1.5 }, ['/size wrong_type']],
    ['a value of no list', { name: 'x', colour: 'green' }, ['/colour not_allowed']],
    ['an id of another type', { name: 'x', owner_id: newId('prj') }, ['/owner_id wrong_id_type']],
    ['no id', { name: 'x', owner_id: 'me' }, ['/owner_id malformed_id']],
    [
      'ids in a list',
      { name: 'x', depends_on: [newId('tsk'), 'x', newId('usr')] },
      ['/depends_on/1 malformed_id', '/depends_on/2 wrong_id_type'],
    ],
    ['ids in a map', { name: 'x', roles: { lead: newId('usr'), helper: 'x' } }, ['/roles/helper malformed_id']],
    ['a name in a map', { name: 'x', roles: { 'Team Lead': newId('usr') } }, ['/roles/Team Lead wrong_format']],
    ['too many', { name: 'x', lines: [{ text: 'a' }, { text: 'b' }, { text: 'c' }] }, ['/lines too_many']],
    [
      'what is nested',
      { name: 'x', lines: [{ text: '' }], line: { text: 7, colour: 1 } },
      ['/line/colour unknown_field', '/line/text wrong_type', '/lines/0/text too_short'],
    ],
    ['a list where an object belongs', { name: 'x', line: [] }, ['/line wrong_type']],
    ['null where it is not allowed', { name: null, loud: null }, ['/loud wrong_type', '/name wrong_type']],
    ['metadata that is no text', { name: 'x', metadata: { 'a/b~c': 1 } }, ['/metadata/a~1b~0c wrong_type']],
    [
      'the keys of metadata that are too long or empty, each at its place',
      { name: 'x', metadata: { good: 'v', ['k'.repeat(41)]: 'v', '': 'v' } },
      ['/metadata/ too_short', `/metadata/${'k'.repeat(41)} too_long`],
    ],
    ['a header whose name is none', { name: 'x', headers: { 'x a/b': 'c' } }, ['/headers/x a~1b wrong_format']],
    [
      'much metadata',
      { name: 'x', metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v'])) },
      ['/metadata too_many'],
    ],
    ['changes of metadata that are neither text nor null', { name: 'x', changes: { a: null, b: 1 } }, ['/changes/b wrong_type']],
    ['an empty list where something must be in it', { name: 'x', shapes: [] }, ['/shapes too_few']],
    [
      'one of several shapes, by the one it says it has',
      { name: 'x', shapes: [{ shape: 'circle', side: 1 }, { shape: 'square', side: 6 }, { shape: 'square' }] },
      ['/shapes/0/radius required', '/shapes/0/side unknown_field', '/shapes/1/side too_large'],
    ],
    [
      'a shape that there is not',
      { name: 'x', shapes: [{ shape: 'cube' }, {}, { shape: 1 }] },
      ['/shapes/0/shape not_allowed', '/shapes/1/shape required', '/shapes/2/shape wrong_type'],
    ],
    ['a header with a line break', { name: 'x', headers: { 'x-a': 'a\r\nx-b: c' } }, ['/headers/x-a wrong_format']],
    [
      'NUL and lone surrogates',
      { name: 'a\0', metadata: { a: '\ud800' }, notes: { b: ['\udc00'] } },
      ['/name not_text', '/metadata/a not_text', '/notes/b/0 not_text'],
    ],
    ['NUL in a key', { name: 'x', notes: { 'a\0b': 1 } }, ['/notes/ab not_text']],
    [
      'everything at once',
      { owner_id: 1, due_on: 'soon', shape: 1 },
      ['/due_on not_a_date', '/name required', '/owner_id wrong_type', '/shape unknown_field'],
    ],
  ])('names every bad field at once: %s', async (_, body, expected) => {
    const { status, json } = await post(body);
    expect([status, json.code]).toEqual([422, 'validation_failed']);
    expect(named(json)).toEqual(expected);
  });

  it('says in words what would be right', async () => {
    const { json } = await post({
      name: '',
      owner_id: newId('prj'),
      event_id: 'x',
      foreign_id: newId('usr'),
      size: 9,
      colour: 'green',
      loud: 1,
      lines: 1,
    });
    expect(json.errors).toEqual([
      { pointer: '/colour', code: 'not_allowed', detail: 'must be one of: red, blue, null' },
      { pointer: '/event_id', code: 'malformed_id', detail: 'must be an event id (evt_…)' },
      { pointer: '/foreign_id', code: 'wrong_id_type', detail: 'must be an id of the form zzz_…, got a user id' },
      { pointer: '/lines', code: 'wrong_type', detail: 'must be a list' },
      { pointer: '/loud', code: 'wrong_type', detail: 'must be true or false' },
      { pointer: '/name', code: 'too_short', detail: 'must not be empty' },
      { pointer: '/owner_id', code: 'wrong_id_type', detail: 'must be a user id (usr_…), got an id of the form prj_…' },
      { pointer: '/size', code: 'too_large', detail: 'must be at most 5' },
    ]);
    expect(json.detail).toBe('8 fields are invalid.');
    const task = await post({ name: 'x', owner_id: newId('tsk') });
    expect([task.json.detail, task.json.errors[0].detail]).toEqual(['1 field is invalid.', 'must be a user id (usr_…), got a task id']);
  });

  it.each([
    [
      'due_on',
      'not_a_date',
      ['2026-02-30', '2025-02-29', '1900-02-29', '2026-13-01', '2026-00-10', '2026-1-1', '0000-01-01', '2026-01-01T00:00:00Z', ''],
    ],
    [
      'due_at',
      'not_an_instant',
      [
        ...['2026-02-03T10:00:00', '2026-02-03 10:00:00Z', '2026-02-03T10:00Z', '2026-02-03T24:00:00Z', '2026-02-30T10:00:00Z'],
        ...['2016-12-31T23:59:60Z', '2026-02-03T10:00:00+05', '2026-02-03T10:00:00+0530', '0000-02-03T10:00:00Z', '1770112800'],
        ...['9999-12-31T23:59:59-05:00', '0001-01-01T00:00:00+05:30', '2026-02-03T10:00:00+24:00', ''],
      ],
    ],
    ['time_zone', 'not_a_time_zone', ['Mars/Olympus', '+05:30', 'IST/India', 'Asia/Kolkata ', '']],
  ])('refuses a %s that is %s', async (field, code, values) => {
    for (const value of values) expect({ value, errors: await only({ [field]: value }) }).toEqual({ value, errors: [`/${field} ${code}`] });
  });

  // Whatever is let in, JavaScript and PostgreSQL must be able to read later.
  it.each([
    ['due_on', ['2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31']],
    [
      'due_at',
      [
        '2026-02-03T10:00:00Z',
        '2026-02-03T10:00:00.123456789+05:30',
        '2026-02-03t10:00:00z',
        '2026-02-03T10:00:00-23:59',
        '9999-12-31T23:59:59.999Z',
      ],
    ],
    ['time_zone', ['Asia/Kolkata', 'Asia/Calcutta', 'UTC', 'America/Argentina/Buenos_Aires']],
  ])('takes a %s that is one', async (field, values) => {
    for (const value of values) expect(await only({ [field]: value })).toEqual([]);
    if (field === 'due_at') expect(values.map((value) => Number.isNaN(Date.parse(value)))).not.toContain(true);
  });

  it('takes what is right as it is, null where null is allowed', async () => {
    const body = {
      ...{ name: 'Überbau 🏗️', slug: 'fitout_v2', owner_id: null, colour: null, line: null, due_on: null, weight: 0.5 },
      ...{
        metadata: { a: 'b' },
        roles: { lead: newId('usr') },
        headers: { 'x-a': 'b' },
        notes: { deep: [{ free: null }] },
        depends_on: [],
      },
    };
    expect(await post(body)).toEqual({ status: 201, json: body });
  });

  it.each([
    ...[' ', '   ', '\t\n', '\u00a0', '\u2003\u3000', '\ufeff'],
    // Nobody sees these either.
    ...['\u200b', '\u2060', '\u00ad', '\ufe0f', '\u200d \u200e', '\u3164', '\u2800', '\u0007'],
  ])('refuses a title of white space alone: %j', async (title) => {
    const { json } = await post({ name: 'x', title });
    expect(json.errors).toEqual([{ pointer: '/title', code: 'blank', detail: 'must not be white space alone' }]);
  });

  it('keeps the white space around a title that says something', async () => {
    expect((await post({ name: 'x', title: '  Glass\n' })).json).toEqual({ name: 'x', title: '  Glass\n' });
    for (const title of ['❤\ufe0f', '👩\u200d🔧', '𠮷', '\u200fשלום', '.'])
      expect((await post({ name: 'x', title })).json).toEqual({ name: 'x', title });
    expect(await only({ title: '' })).toEqual(['/title too_short']);
    expect(await only({ title: null })).toEqual([]);
  });

  it('takes what is planned for in the years 2000 to 2199, and nothing that is no date', async () => {
    expect(await only({ starts_on: '2000-01-01', starts_at: '2199-12-31T23:59:59Z' })).toEqual([]);
    expect(await only({ starts_on: '1999-12-31', starts_at: '2200-01-01T00:00:00Z' })).toEqual([
      '/starts_at out_of_range',
      '/starts_on out_of_range',
    ]);
    expect(await only({ starts_on: '1999-02-30', starts_at: '9999' })).toEqual(['/starts_at not_an_instant', '/starts_on not_a_date']);
  });

  it('counts characters, not bytes or halves', async () => {
    expect(await only({ name: '🏗'.repeat(20) })).toEqual([]);
    expect(await only({ name: '🏗'.repeat(21) })).toEqual(['/name too_long']);
  });

  it('takes nothing where nothing can be said', async () => {
    expect((await post({}, '/nothing')).status).toBe(201);
    expect(named((await post({ why: 'not' }, '/nothing')).json)).toEqual(['/why unknown_field']);
  });

  it('reads members of a query parameter', async () => {
    expect(await get('/things?metadata[po]=4711&metadata%5Ba%5Bb%5D%5D=&limit=7')).toEqual({
      limit: 7,
      metadata: { po: '4711', 'a[b]': '' },
    });
    expect(named(await get('/things?metadata[po]=1&metadata[po]=2'))).toEqual(['/metadata/po wrong_type']);
    expect(named(await get('/things?metadata=po&metadata[po]=1'))).toEqual(['/metadata wrong_type']);
    expect(named(await get(`/things?colour[of]=red&metadata[${'k'.repeat(41)}]=1`))).toEqual([
      '/colour unknown_field',
      `/metadata/${'k'.repeat(41)} too_long`,
    ]);
  });

  it('reads query parameters as what they are', async () => {
    expect(await get('/things?limit=7&loud=true')).toEqual({ limit: 7, loud: true });
    expect(named(await get('/things?limit=1000&colour=red'))).toEqual(['/colour unknown_field', '/limit too_large']);
    expect(named(await get('/things?limit=&loud=1'))).toEqual(['/limit wrong_type', '/loud wrong_type']);
    expect(named(await get('/things?limit=-7&loud=false'))).toEqual(['/limit too_small']);
    expect(named(await get(`/things?limit=${'9'.repeat(40)}`))).toEqual(['/limit too_large']);
    expect(named(await get(`/things?owner_id=${newId('prj')}`))).toEqual(['/owner_id wrong_id_type']);
  });

  it.each(['1e0', '0x3', '0b1', '%203', '3%20', '+3', '%2B3', '3.0', '3_0', '٣', 'null', 'true', 'Infinity', '1&limit=2', '-', '%00'])(
    'reads no number but in decimal digits: %s',
    async (limit) => expect(named(await get(`/things?limit=${limit}`))).toContain('/limit wrong_type'),
  );
  it.each(['1', '0', 'TRUE', 'True', 'null', '%20true', '', 'yes', 'true&loud=true'])(
    'reads nothing as true or false but these words: %s',
    async (loud) => expect(named(await get(`/things?loud=${loud}`))).toEqual(['/loud wrong_type']),
  );
});
