import { loadModule, parseSync } from 'libpg-query';
import type { Catalogue } from './catalogue';
import { shadowedNames } from './shadowed-names';

const catalogue: Catalogue = {
  columns: new Map([
    ['events', new Set(['id', 'tx', 'position', 'type', 'occurred_at'])],
    ['deliveries', new Set(['id', 'event_id', 'sequence', 'status', 'created_at', 'case', 'count'])],
  ]),
  yields: new Map<string, ReadonlySet<string> | 'scalar' | null>([
    ['lower', 'scalar'],
    ['unnest', null],
    ['generate_series', 'scalar'],
    ['leased', new Set(['sequence', 'body'])],
  ]),
};

const found = (text: string): string[] =>
  parseSync(text).stmts!.flatMap(({ stmt }) => shadowedNames(stmt!, catalogue).map(({ clause, name }) => `${clause} ${name}`));

describe('a bare name that means an output column where a column was meant', () => {
  beforeAll(loadModule);

  it('is refused in the statement by which facts were lost', () => {
    expect(found('select tx::text, position::text from events where (tx, position) > ($1, $2) order by tx, position limit 500')).toEqual([
      'order by tx',
      'order by position',
    ]);
  });

  it.each([
    ['a cast that is written as a function', 'select cast(position as text) from events order by position desc', ['order by position']],
    ['a cast of a cast', 'select position::text::varchar from events order by position', ['order by position']],
    ['another collation', 'select id collate "C" from events order by id', ['order by id']],
    ['an alias', "select to_char(occurred_at, 'YYYY') as occurred_at from events order by occurred_at", ['order by occurred_at']],
    ['another column under the name', 'select id as position from events order by position', ['order by position']],
    ['a constant', "select 'x' as type from events order by type", ['order by type']],
    [
      'a function that is called like a column',
      'select count(*), status from deliveries group by status order by count',
      ['order by count'],
    ],
    ['a case', 'select case when id = \'a\' then 1 end from deliveries order by "case"', ['order by case']],
    ['a part of a row', 'select (d.r).position from (select e as r, e.position from events e) d order by position', ['order by position']],
    [
      'a scalar subquery',
      'select (select max(e.position)::text as position from events e) from events order by position',
      ['order by position'],
    ],
    ['DISTINCT ON', 'select distinct on (position) position::text from events order by events.position', ['distinct on position']],
    [
      'GROUP BY of an alias',
      "select date_trunc('day', created_at) as created_at, count(*) as n from deliveries group by created_at",
      ['group by created_at'],
    ],
    [
      'GROUP BY with grouping sets',
      'select lower(status) as status from deliveries group by grouping sets ((status), ())',
      ['group by status'],
    ],
    ['a CTE', 'with told as (select position::text from events order by position) select from told', ['order by position']],
    ['a sublink', 'select exists (select position::text from events order by position)', ['order by position']],
    ['a subquery in FROM', 'select * from (select id, position::text from events order by position limit 1) e', ['order by position']],
    ['INSERT … SELECT', 'insert into events (position) select position::text from events order by position', ['order by position']],
    ['UPDATE', 'update events set type = (select id::text from deliveries order by id limit 1)', ['order by id']],
    [
      'a set operation',
      'select position::text from events union all select position::text from events order by position',
      ['order by position'],
    ],
    [
      'the second arm of one',
      'select position from events union all select sequence::text as sequence from (select 1 as position, 2 as sequence) d order by position',
      ['order by position'],
    ],
    ['an argument of array()', 'select array(select position::text from events order by position)', ['order by position']],
    ['a join', 'select d.sequence::text from events e join deliveries d on d.event_id = e.id order by sequence', ['order by sequence']],
    ['a function in FROM', 'select l.sequence::text from leased() l order by sequence', ['order by sequence']],
    ['a table that the catalogue does not know', 'select position::text from scratch order by position', ['order by position']],
    ['rows of unknown columns', 'select position::text from unnest($1::events[]) order by position', ['order by position']],
    ['a star', 'select *, lower(type) as type from (select * from events) e order by type', ['order by type']],
  ])('is refused: %s', (_what, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it.each([
    ['the qualified column', 'select tx::text, e.position::text from events e order by e.tx, e.position'],
    ['the column itself', 'select position, id from events order by position'],
    ['the qualified column that is put out', 'select e.position from events e order by position'],
    ['an alias that shadows nothing', 'select count(*) as n, status from deliveries group by status order by n desc'],
    ['another name for the text', 'select position::text as position_text from events order by position'],
    ['an expression, which means the input column', 'select id::text from events order by id collate "C"'],
    ['a place', 'select position::text from events order by 1'],
    ['GROUP BY of what is only cast', 'select status::text, count(*) as n from deliveries group by status'],
    ['ORDER BY of an aggregate', 'select array_agg(position::text order by position) from events'],
    ['ORDER BY of a window', 'select position::text, row_number() over (order by position) from events'],
    ['an alias of what is in no table here', 'select lower(d.status) as type from deliveries d order by type'],
    ['plain DISTINCT', 'select distinct position::text from events'],
    ['a name of a function in FROM', 'select n::text as id from generate_series(1, 3) n order by id'],
    ['a set operation of columns', 'select position from events union all select sequence from deliveries order by position'],
    ['values', 'values (2), (1) order by column1'],
    ['UPDATE … RETURNING', 'update events set type = lower(type) returning position::text'],
  ])('is not refused: %s', (_what, text) => {
    expect(found(text)).toEqual([]);
  });

  it.each([
    ['in FROM', 'select e.position from (select position::text from events) e order by e.position', ['order by e.position']],
    ['in WITH', 'with told as (select position::text from events) select * from told order by position', ['order by position']],
    [
      'through two queries',
      'select position from (select * from (select position::varchar from events) a) b order by position',
      ['order by position'],
    ],
  ])('is refused where a query within has made the column text: %s', (_what, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it.each([
    ['a cast that keeps the order', 'with told as (select position::numeric from events) select * from told order by position'],
    ['a name that says so', 'with told as (select position::text as position_text from events) select * from told order by position_text'],
  ])('is not refused behind a query within: %s', (_what, text) => {
    expect(found(text)).toEqual([]);
  });
});
