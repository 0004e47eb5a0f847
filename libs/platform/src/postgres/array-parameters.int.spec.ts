import fc from 'fast-check';
import type { Pool } from 'pg';
import { testDatabase, type TestDatabase } from '../testing';
import { booleans, instants, integers, texts } from './array-parameters';
import { openPool } from './pool';

describe('arrays in the binary format', () => {
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await testDatabase('platform');
    pool = openPool(database.ownerUrl, { max: 1, applicationName: 'spec' });
  });

  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const readBack = async (type: string, array: Buffer): Promise<unknown[]> => {
    const { rows } = await pool.query<{ values: unknown[] }>(`select $1::${type}[] as values`, [array]);
    return rows[0]!.values;
  };
  const arrays = <Value>(values: fc.Arbitrary<Value>) => fc.array(fc.option(values), { maxLength: 8 });
  const arriveUnchanged = <Value>(type: string, encode: (values: readonly (Value | null)[]) => Buffer, values: fc.Arbitrary<Value>) =>
    fc.assert(
      fc.asyncProperty(arrays(values), async (given) => expect(await readBack(type, encode(given))).toEqual(given)),
      { numRuns: 60 },
    );

  it('carries every text, the empty one and what a literal would have to quote among them', async () => {
    const texted = fc.oneof(
      fc.constantFrom('', 'NULL', 'null', '{}', '"', '\\', ',', '{"a":"b\\"c"}'),
      fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
    );
    await arriveUnchanged('text', texts, texted);
  });

  it('carries integers and booleans to their limits', async () => {
    await arriveUnchanged('integer', integers, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
    await arriveUnchanged('boolean', booleans, fc.boolean());
  });

  it('carries instants before and after the first day of 2000', async () => {
    await arriveUnchanged(
      'timestamptz',
      instants,
      fc.date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
    );
  });
});
