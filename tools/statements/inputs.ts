import type { Alias, Node, SelectStmt, WithClause } from 'libpg-query';
import type { Catalogue } from './catalogue';
import { lastName, namesOf, outputName } from './output-name';

/** One column that a query puts out. */
export interface Output {
  readonly name: string | null;
  /** It is an input column under its own name: then it does not matter which of the two a name means. */
  readonly plain: boolean;
  /** It is a column made text under its own name: it looks like that column and sorts like no number. */
  readonly madeText: boolean;
  /** It was given its name with AS. */
  readonly aliased: boolean;
}

export interface Columns {
  readonly outputs: readonly Output[];
  /** There may be more, which neither the text nor the catalogue tells. */
  readonly open: boolean;
}

/** What WITH has named so far. */
export type Named = ReadonlyMap<string, Columns>;

interface Source {
  readonly name: string | null;
  readonly columns: Columns;
}

const column = (name: string): Output => ({ name, plain: true, madeText: false, aliased: false });
const known = (names: Iterable<string>): Columns => ({ outputs: [...names].map(column), open: false });
const UNKNOWN: Columns = { outputs: [], open: true };

export const all = (sources: readonly Source[]): Columns => ({
  outputs: sources.flatMap(({ columns }) => columns.outputs),
  open: sources.some(({ columns }) => columns.open),
});

/** What `order by name` can mean in a query besides its own output columns. */
export class Inputs {
  constructor(private readonly catalogue: Catalogue) {}

  /** WITH, seen from the query that it stands before. */
  named(clause: WithClause | undefined, outer: Named): Named {
    const names = new Map(outer);
    for (const cte of clause?.ctes ?? []) {
      if (!('CommonTableExpr' in cte)) continue;
      const { ctename = '', aliascolnames, ctequery } = cte.CommonTableExpr;
      // Its own arms see it too when it is recursive; then only its names count.
      if (clause?.recursive) names.set(ctename, UNKNOWN);
      if (ctequery) names.set(ctename, renamed(this.outputsOf(ctequery, names), aliascolnames));
    }
    return names;
  }

  /** The columns that a query puts out, or a statement with RETURNING. */
  outputsOf(query: Node, outer: Named): Columns {
    if ('SelectStmt' in query) return this.outputsOfSelect(query.SelectStmt, outer);
    const statement = Object.values(query)[0] as { relation?: object; returningClause?: { exprs?: Node[] }; withClause?: WithClause };
    const names = this.named(statement.withClause, outer);
    const target = statement.relation ? this.sources([{ RangeVar: statement.relation }], names) : [];
    return this.expanded(statement.returningClause?.exprs, [...target, { name: null, columns: UNKNOWN }]);
  }

  outputsOfSelect(select: SelectStmt, outer: Named): Columns {
    const names = this.named(select.withClause, outer);
    // The first arm names the columns of a set operation.
    if (select.larg) return this.outputsOfSelect(select.larg, names);
    const width = select.valuesLists?.[0] && 'List' in select.valuesLists[0] ? (select.valuesLists[0].List.items?.length ?? 0) : 0;
    if (width > 0) return known(Array.from({ length: width }, (_, place) => `column${place + 1}`));
    return this.expanded(select.targetList, this.sources(select.fromClause, names));
  }

  sources(from: readonly Node[] = [], names: Named): Source[] {
    return from.flatMap((item) => this.source(item, names));
  }

  private expanded(targets: readonly Node[] = [], sources: readonly Source[]): Columns {
    const parts = targets.map((target) => ('ResTarget' in target ? this.output(target.ResTarget, sources) : UNKNOWN));
    return { outputs: parts.flatMap(({ outputs }) => outputs), open: parts.some(({ open }) => open) };
  }

  private output({ name, val }: { name?: string; val?: Node }, sources: readonly Source[]): Columns {
    if (val === undefined) return UNKNOWN;
    if ('ColumnRef' in val && val.ColumnRef.fields?.some((field) => 'A_Star' in field)) {
      const [table] = namesOf(val.ColumnRef.fields).slice(-1);
      const of = table === undefined ? sources : sources.filter((source) => source.name === table);
      return of.length === 0 ? UNKNOWN : all(of);
    }
    const itself = 'ColumnRef' in val ? lastName(val.ColumnRef.fields) : null;
    const called = name ?? outputName(val);
    const output = { name: called, plain: itself !== null && itself === called, aliased: name !== undefined };
    const source = 'ColumnRef' in val ? this.referredTo(namesOf(val.ColumnRef.fields), sources) : undefined;
    return { outputs: [{ ...output, madeText: makesText(val, called) || (source?.madeText ?? false) }], open: false };
  }

  /** The input column that a name means, where it can be told. */
  referredTo(path: readonly string[], sources: readonly Source[]): Output | undefined {
    const name = path.at(-1);
    const table = path.length > 1 ? path.at(-2) : undefined;
    return all(sources.filter((source) => table === undefined || source.name === table)).outputs.find((output) => output.name === name);
  }

  private source(item: Node, names: Named): Source[] {
    if ('JoinExpr' in item) {
      const { larg, rarg, alias } = item.JoinExpr;
      const both = [larg, rarg].flatMap((side) => (side ? this.source(side, names) : []));
      return alias ? [{ name: alias.aliasname ?? null, columns: renamed(all(both), alias.colnames) }] : both;
    }
    if ('RangeVar' in item) {
      const { relname = '', alias, schemaname } = item.RangeVar;
      const table = this.catalogue.columns.get(relname);
      const columns = (schemaname === undefined ? names.get(relname) : undefined) ?? (table ? known(table) : UNKNOWN);
      return [{ name: alias?.aliasname ?? relname, columns: renamed(columns, alias?.colnames) }];
    }
    if ('RangeSubselect' in item) {
      const { subquery, alias } = item.RangeSubselect;
      const columns = subquery ? this.outputsOf(subquery, names) : UNKNOWN;
      return [{ name: alias?.aliasname ?? null, columns: renamed(columns, alias?.colnames) }];
    }
    if ('RangeFunction' in item) {
      const { functions = [], alias, coldeflist = [], ordinality } = item.RangeFunction;
      const defined = coldeflist.flatMap((each) => ('ColumnDef' in each ? [each.ColumnDef.colname ?? ''] : []));
      const columns = defined.length > 0 ? known(defined) : this.yieldOf(functions, alias);
      const counted = ordinality ? { ...columns, outputs: [...columns.outputs, column('ordinality')] } : columns;
      return [{ name: alias?.aliasname ?? null, columns: renamed(counted, alias?.colnames) }];
    }
    return [{ name: null, columns: UNKNOWN }];
  }

  private yieldOf(functions: readonly Node[], alias: Alias | undefined): Columns {
    const [first, ...others] = functions;
    const call = first && 'List' in first ? first.List.items?.[0] : undefined;
    if (call === undefined || others.length > 0) return UNKNOWN;
    const called = outputName(call);
    const result = called === null ? null : (this.catalogue.yields.get(called) ?? null);
    const single = known([alias?.aliasname ?? called ?? '']);
    if (result === 'scalar') return single;
    // `unnest(…) as t (a, b)` names all there is; without names the elements may have columns of their own.
    return result === null ? { ...single, open: (alias?.colnames?.length ?? 0) === 0 } : known(result);
  }
}

const TEXTS = ['text', 'varchar', 'bpchar', 'char', 'name', 'citext'];

/** `position::text` that is still called position. */
function makesText(expression: Node, called: string | null): boolean {
  if (!('TypeCast' in expression)) return false;
  const { arg, typeName } = expression.TypeCast;
  const isList = (typeName?.arrayBounds?.length ?? 0) > 0;
  return (
    arg !== undefined &&
    'ColumnRef' in arg &&
    lastName(arg.ColumnRef.fields) === called &&
    !isList &&
    TEXTS.includes(lastName(typeName?.names) ?? '')
  );
}

/** Seen from outside every column is plain. `as t (a, b)` and `with t (a, b)` give the first of them other names. */
function renamed(columns: Columns, names: readonly Node[] = []): Columns {
  const given = namesOf(names);
  const seen = columns.outputs.map(({ name, madeText }) => ({ name, madeText, plain: true, aliased: false }));
  return { outputs: [...given.map(column), ...seen.slice(given.length)], open: columns.open };
}
