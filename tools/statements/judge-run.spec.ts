import { loadModule } from 'libpg-query';
import type { StoredFunction, StoredTexts } from './catalogue';
import { judgeRun, type Run } from './judge-run';

const plpgsql = (body: string): StoredFunction => ({
  name: 'told',
  language: 'plpgsql',
  body,
  definition: `create function told(p_after bigint) returns setof text language plpgsql as $function$ ${body} $function$`,
});

const holding = (...functions: StoredFunction[]): StoredTexts => ({
  columns: new Map([['events', new Set(['id', 'position'])]]),
  yields: new Map(),
  functions,
  views: [],
});

const problemsOf = (run: Partial<Run>): readonly string[] =>
  judgeRun({ sent: new Map([['a.jsonl', ['select 1']]]), databases: new Map([['tasks', holding()]]), understood: [], programs: [], ...run })
    .problems;

const FAULTY = 'select position::text from events order by position';

describe('a run of the suites', () => {
  beforeAll(loadModule);

  it('is well when no statement of any process orders by another column than it says', () => {
    expect(problemsOf({})).toEqual([]);
  });

  it('is refused for one statement of one process, with its text and what to write instead', () => {
    const [problem, ...others] = problemsOf({
      sent: new Map([
        ['a.jsonl', ['select 1']],
        ['b.jsonl', [FAULTY]],
      ]),
    });
    expect(problem).toContain(FAULTY);
    expect(problem).toContain('write order by <table>.position');
    expect(others).toEqual([]);
  });

  it('is refused for the third statement of a script', () => {
    expect(problemsOf({ sent: new Map([['a.jsonl', [`begin; select 1; ${FAULTY}; commit`]]]) })).toHaveLength(1);
  });

  it('is refused when nothing was recorded, and when a program was not heard', () => {
    expect(problemsOf({ sent: new Map() })).toEqual([expect.stringContaining('No statement was recorded')]);
    expect(problemsOf({ programs: ['apps-tasks-dist-main'] })).toEqual([expect.stringContaining('apps-tasks-dist-main')]);
    expect(problemsOf({ sent: new Map([['apps-tasks-dist-main-js-7.jsonl', ['select 1']]]), programs: ['apps-tasks-dist-main'] })).toEqual(
      [],
    );
  });

  // As PostgreSQL writes it, shortened: `where id > $1` under the collation of the database (100), and under C (950).
  it('is refused for a statement that compares text as the database sorts, unless it is listed with a reason', () => {
    const compares = (collation: number) => [
      `({QUERY :jointree {FROMEXPR :quals {OPEXPR :opno 666 :opresulttype 16 :inputcollid ${collation} :args ()}}})`,
    ];
    const understood = (text: string, collation: number) => [{ where: 'a statement', text, trees: compares(collation) }];
    expect(problemsOf({ understood: understood('select from events where id > $1', 100) })).toEqual([
      expect.stringMatching(/a comparison of text .*collate "C"[^]*where id > \$1/),
    ]);
    expect(problemsOf({ understood: understood('select from events where id > $1', 950) })).toEqual([]);
    expect(problemsOf({ understood: understood('… order by e.stream_id, e.version', 100) })).toEqual([]);
  });

  it('counts what PostgreSQL itself refuses', () => {
    const run: Run = { sent: new Map([['a.jsonl', ['selekt 1']]]), databases: new Map(), understood: [], programs: [] };
    expect(judgeRun(run)).toMatchObject({ statements: 1, refused: 1, problems: [] });
  });
});

describe('a stored function', () => {
  beforeAll(loadModule);

  it.each([
    ['a statement', `perform 1; insert into events (position) ${FAULTY};`],
    ['a loop', `declare r record; begin for r in ${FAULTY} loop null; end loop; end;`],
    ['RETURN QUERY', `return query ${FAULTY};`],
    ['an assignment', `declare v text; begin v := (${FAULTY} limit 1); end;`],
    ['a condition', `if exists (${FAULTY}) then null; end if;`],
    ['EXECUTE of a constant', `execute '${FAULTY}';`],
    ['EXECUTE of what format() makes', `execute format('select %I.position::text from %1$I order by position', p_after);`],
    ['RETURN QUERY EXECUTE', `return query execute '${FAULTY}';`],
    [
      'lists of rows, which the parser alone does not know',
      `declare v events[]; n int; begin select array_agg(e), 1 into v, n from events e; perform (${FAULTY} limit 1); end;`,
    ],
  ])('is refused for %s', (_what, body) => {
    const whole = body.startsWith('declare') ? body : `begin ${body} end;`;
    expect(problemsOf({ databases: new Map([['tasks', holding(plpgsql(whole))]]) })).toEqual([
      expect.stringContaining('tasks, function told: order by position'),
    ]);
  });

  it('is refused for its SQL body, as a text and as PostgreSQL keeps it parsed', () => {
    const sql: StoredFunction = { name: 'told', language: 'sql', definition: '', body: FAULTY };
    const atomic = { ...sql, body: null, definition: `create function told() returns text language sql begin atomic ${FAULTY}; end` };
    expect(problemsOf({ databases: new Map([['tasks', holding(sql)]]) })).toHaveLength(1);
    expect(problemsOf({ databases: new Map([['tasks', holding(atomic)]]) })).toHaveLength(1);
  });

  it('is refused for an EXECUTE whose text is not to be had', () => {
    const body = "declare v text := 'x'; begin execute v; end;";
    expect(problemsOf({ databases: new Map([['tasks', holding(plpgsql(body))]]) })).toEqual([
      expect.stringContaining('executes a text that cannot be read: v'),
    ]);
  });

  it('may order by what it names', () => {
    const body = 'begin return query select e.position::text from events e where e.position > p_after order by e.position; end;';
    expect(problemsOf({ databases: new Map([['tasks', holding(plpgsql(body))]]) })).toEqual([]);
  });

  it('is refused for a view', () => {
    const stored = { ...holding(), views: [{ name: 'told', definition: FAULTY }] };
    expect(problemsOf({ databases: new Map([['tasks', stored]]) })).toEqual([expect.stringContaining('tasks, view told')]);
  });
});
