import fc from 'fast-check';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller } from '@works/platform/testing';
import type { FilterScalar } from '@works/contracts/webhooks';
import type { EventFilter } from '../domain/event-filter';
import { wants } from '../domain/event-filter.examples';
import { fanOut } from './fan-out';
import { type NewEvent } from './statements';
import { aNewEvent, deliveryDatabase, takingNothing } from './workers.examples';

/** Names and texts that mean something to SQL, JSON, JavaScript or a path, with some that are plain: so that paths meet what is there. */
const NAMES = ['task', 'a', '0', '-1', '', '*', '$', '"', "'", '\\', '%', '{}', ' a', 'A', 'é', 'é', '__proto__', 'constructor', '$.a'];
const name = fc.constantFrom(...NAMES);
const text = fc.oneof(
  fc.constantFrom('', 'null', 'true', '1', '\\u0000', "' or true --", '\u{1f600}', ...NAMES),
  fc.string({ unit: 'grapheme' }),
);
const scalar: fc.Arbitrary<FilterScalar> = fc.oneof(
  text.filter((value) => value.isWellFormed() && !value.includes('\0')),
  fc.constantFrom(0, 1, -1, 0.1, 1e21, 1e-7, Number.MAX_SAFE_INTEGER),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const event = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const condition = fc.oneof(
  fc.record({ equals: scalar }),
  fc.record({ in: fc.array(scalar, { minLength: 1, maxLength: 4 }) }),
  fc.record({ exists: fc.boolean() }),
);
/** Empty names are refused before they come here. */
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.filter((part) => part !== '').join('.') || 'a');

/** Every path in it, with what is there: half of the conditions are about these, so that many hold. */
const placesIn = (value: unknown, at: readonly string[] = []): [path: string, value: unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, member]) => [
        [[...at, key].join('.'), member] as [string, unknown],
        ...placesIn(member, [...at, key]),
      ])
    : [];

const aptFilter = (of: unknown): fc.Arbitrary<EventFilter> => {
  const places = placesIn(of).filter(([where]) => !where.split('.').includes(''));
  const apt = places.map(([where, value]): [string, EventFilter[string]] =>
    typeof value === 'object' ? [where, { exists: value !== null }] : [where, { equals: value as FilterScalar }],
  );
  const any = fc.tuple(path, condition);
  const one = apt.length === 0 ? any : fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...apt) }, any);
  return fc.array(one, { maxLength: 3 }).map((entries) => Object.fromEntries(entries));
};

describe('what an endpoint wants', () => {
  let database: Awaited<ReturnType<typeof deliveryDatabase>>;

  beforeAll(async () => {
    database = await deliveryDatabase();
  });
  afterAll(() => database.drop());

  const asked = async (filter: string, body: string, projects: string[] = [], project: string | null = null): Promise<boolean> =>
    (
      await database.workers.query<{ wants: boolean }>('select works_endpoint_wants($1, $2, $3, $4) as wants', [
        projects,
        filter,
        project,
        body,
      ])
    ).rows[0]!.wants;

  // The database decides, beside the sequence numbers; a reader of the guide thinks in JavaScript. They agree about any event and any filter.
  it('is the same in SQL as in plain TypeScript', async () => {
    const seen = { true: 0, false: 0 };
    await fc.assert(
      fc.asyncProperty(
        event.chain((value) => fc.tuple(fc.constant(value), aptFilter(value))),
        async ([value, filter]) => {
          const expected = wants(filter, value);
          if (Object.keys(filter).length > 0) seen[`${expected}`] += 1;
          expect(await asked(JSON.stringify(filter), JSON.stringify(value))).toBe(expected);
        },
      ),
      { numRuns: 500 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(25);
  });

  it('is everything that has no filter, and one event too many rather than one too few', async () => {
    expect(await asked('{}', 'not even JSON')).toBe(true);
    expect(await asked('{"data.a":{"equals":1}}', '{"data":{"a":"\\u0000"}}')).toBe(true);
  });

  it('is of its projects only, and of them only what meets every condition', async () => {
    const filter = '{"data.a":{"equals":1},"data.b":{"exists":true}}';
    expect(await asked('{}', '{}', ['prj_1', 'prj_2'], 'prj_2')).toBe(true);
    expect(await asked('{}', '{}', ['prj_1', 'prj_2'], 'prj_3')).toBe(false);
    expect(await asked('{}', '{}', ['prj_1'], null)).toBe(false);
    expect(await asked(filter, '{"data":{"a":1,"b":0}}', ['prj_1'], 'prj_1')).toBe(true);
    expect(await asked(filter, '{"data":{"a":1,"b":null}}', ['prj_1'], 'prj_1')).toBe(false);
  });

  // What is not wanted leaves no gap: a receiver that finds one must be able to say that something is missing.
  it('is all that is numbered, without gaps', async () => {
    const caller: Caller = aCaller();
    const [everything, urgent, ours] = [
      await database.endpoint(caller, 'https://all.example/'),
      await database.endpoint(caller, 'https://urgent.example/', {
        events: ['task.*'],
        filter: { 'data.task.priority': { in: ['urgent', 'high'] }, position: { exists: true } },
      }),
      await database.endpoint(caller, 'https://ours.example/', { projects: [newId('prj')], status: 'disabled' }),
    ] as const;
    const project = (await database.owner.query<{ projects: [string] }>('select projects from webhook_endpoints where id = $1', [ours]))
      .rows[0]!.projects[0];
    const events = ['urgent', 'low', 'normal', 'high', 'low', 'urgent'].map((priority, index): NewEvent => {
      const plain = aNewEvent(caller);
      return { ...plain, projectId: index < 2 ? project : null, after: plain.after.replace('"title"', `"priority":"${priority}","title"`) };
    });
    await fanOut(database.workers, events.slice(0, 3), takingNothing());
    await fanOut(database.workers, events.slice(3), takingNothing());
    const made = async (id: string) => (await database.deliveries(id)).map(({ sequence, event_id }) => [Number(sequence), event_id]);
    const numbered = (picked: number[]) => picked.map((index, nth) => [nth + 1, events[index]!.id]);
    expect([await made(everything), await made(urgent), await made(ours)]).toEqual([
      numbered([0, 1, 2, 3, 4, 5]),
      numbered([0, 3, 5]),
      numbered([0, 1]),
    ]);
  });
});
