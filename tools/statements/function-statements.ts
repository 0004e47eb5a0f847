import { parsePlPgSQLSync, parseSync, type Node } from 'libpg-query';
import type { StoredFunction } from './catalogue';

export interface FunctionStatements {
  /** Each ready to be parsed, expressions as the SELECT that they are to plpgsql. */
  readonly statements: readonly string[];
  /** The expressions of EXECUTE whose text is not to be had from here. */
  readonly unread: readonly string[];
}

/**
 * Every statement and expression in the body of a stored function. `compositeTypes` are the names of tables and types: the parser has no
 * catalogue, and takes a list of rows for one row.
 */
export function statementsOf(stored: StoredFunction, compositeTypes: Iterable<string>): FunctionStatements {
  // A body that PostgreSQL keeps parsed is a part of the definition.
  if (stored.language === 'sql') return { statements: [stored.body ?? stored.definition], unread: [] };
  const lists = new RegExp(`\\b(${[...compositeTypes].join('|')})\\s*\\[\\]`, 'g');
  const statements: string[] = [];
  const unread: string[] = [];
  visit(parsePlPgSQLSync(stored.definition.replace(lists, 'text[]')), (kind, content) => {
    if (kind === 'PLpgSQL_expr') statements.push(asStatement(content as Expression));
    if (kind === 'PLpgSQL_stmt_dynexecute' || kind === 'PLpgSQL_stmt_dynfors') executed((content as { query: Wrapped }).query);
    if (kind === 'PLpgSQL_stmt_return_query' || kind === 'PLpgSQL_stmt_open') executed((content as { dynquery?: Wrapped }).dynquery);
  });
  return { statements, unread };

  function executed(expression: Wrapped | undefined): void {
    if (expression === undefined) return;
    const text = templateOf(expression.PLpgSQL_expr.query);
    if (text !== null && canBeParsed(text)) statements.push(text);
    else unread.push(expression.PLpgSQL_expr.query);
  }
}

interface Expression {
  readonly query: string;
  /** 0 is a statement, 2 an expression, 3 to 5 an assignment whose target is 1 to 3 names long (RawParseMode of parser.h). */
  readonly parseMode?: number;
}
interface Wrapped {
  readonly PLpgSQL_expr: Expression;
}

function asStatement({ query, parseMode = 0 }: Expression): string {
  if (parseMode === 0) return query;
  return parseMode === 2 ? `select ${query}` : `select ${query.replace(/^.*?:?=/s, '')}`;
}

/** The text that EXECUTE runs, with a name or a string in each place that format() fills; null when it is not written down there. */
function templateOf(expression: string): string | null {
  const [statement] = parseSync(`select ${expression}`).stmts ?? [];
  const select = statement?.stmt && 'SelectStmt' in statement.stmt ? statement.stmt.SelectStmt : undefined;
  const target = select?.targetList?.[0];
  const value = target && 'ResTarget' in target ? target.ResTarget.val : undefined;
  if (value === undefined) return null;
  const isFormat = 'FuncCall' in value && value.FuncCall.funcname?.some((name) => 'String' in name && name.String.sval === 'format');
  const text = stringIn(isFormat ? value.FuncCall.args?.[0] : value);
  return (
    text
      ?.replace(/%(\d+\$)?I/g, 'filled_in')
      .replace(/%(\d+\$)?L/g, "'filled in'")
      .replace(/%(\d+\$)?s/g, 'filled_in')
      .replaceAll('%%', '%') ?? null
  );
}

const stringIn = (node: Node | undefined): string | undefined =>
  node && 'A_Const' in node ? (node.A_Const as { sval?: { sval?: string } }).sval?.sval : undefined;

function canBeParsed(text: string): boolean {
  try {
    parseSync(text);
    return true;
  } catch {
    return false;
  }
}

function visit(piece: unknown, see: (kind: string, content: unknown) => void): void {
  if (typeof piece !== 'object' || piece === null) return;
  for (const [kind, content] of Object.entries(piece)) {
    see(kind, content);
    visit(content, see);
  }
}
