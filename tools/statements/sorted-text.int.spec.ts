import { Client } from 'pg';
import { testDatabase, type TestDatabase } from '../../libs/platform/src/testing';
import { sortedByDefaultCollation } from './sorted-text';

describe('text that is sorted or compared by the collation of the database', () => {
  let database: TestDatabase;
  let client: Client;
  let tree = '';

  beforeAll(async () => {
    database = await testDatabase('tasks');
    client = new Client({ connectionString: database.superuserUrl });
    await client.connect();
    client.on('notice', ({ message, detail }) => {
      if (message === 'parse tree:') tree += detail;
    });
    await client.query(`create table facts (position bigint, id text, key text collate "C", name varchar(20), day date)`);
    await client.query('set client_min_messages = log; set debug_print_parse = on; set debug_pretty_print = off');
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const found = async (statement: string): Promise<string[]> => {
    tree = '';
    await client.query(`prepare it as ${statement}`);
    await client.query('deallocate it');
    return sortedByDefaultCollation(tree);
  };

  it.each([
    ['a position that is put out as text', 'select position::text as told from facts order by told', ['order by told']],
    ['a column', 'select * from facts order by id desc', ['order by id']],
    ['a column that is not put out', 'select position from facts order by id', ['order by']],
    ['a name of limited length', 'select position from facts order by name', ['order by']],
    ['an expression', 'select position from facts order by lower(id)', ['order by']],
    ['a comparison with a parameter', 'select from facts where id > $1', ['a comparison of text']],
    ['BETWEEN', "select from facts where id between 'a' and 'b'", ['a comparison of text', 'a comparison of text']],
    ['a row', 'select from facts where (position, id) > ($1, $2)', ['a comparison of rows with text in them']],
    ['max', 'select max(id) from facts', ['min or max of text']],
    ['greatest', "select greatest(id, 'x') from facts", ['greatest or least of text']],
    ['an aggregate', 'select array_agg(position order by id) from facts', ['order by in an aggregate']],
    ['a window', 'select row_number() over (order by id) from facts', ['order by of a window']],
    ['a subquery', 'select exists (select from facts where id < $1)', ['a comparison of text']],
    ['a CTE', 'with told as (select id from facts order by id limit 1) select from told', ['order by id']],
    ['UPDATE', 'update facts set id = $1 where id >= $2', ['a comparison of text']],
  ])('is found: %s', async (_what, statement, expected) => {
    expect(await found(statement)).toEqual(expected);
  });

  it.each([
    ['numbers and days', 'select * from facts where position > $1 and day < $2 order by position, day'],
    ['equality', 'select distinct id from facts where id = $1 or id = any ($2)'],
    ['groups', 'select id, count(*) from facts group by id'],
    ['a collation that is named', `select id from facts where id collate "C" > $1 order by id collate "C"`],
    ['a column with a collation', 'select key from facts where key > $1 order by key'],
    ['a row with a collation', 'select from facts where (position, id collate "C") > ($1, $2)'],
    ['max with a collation', 'select max(id collate "C"), array_agg(id order by id collate "C") from facts'],
  ])('is not found: %s', async (_what, statement) => {
    expect(await found(statement)).toEqual([]);
  });
});
