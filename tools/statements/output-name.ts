import type { Node } from 'libpg-query';

/** A name that a cast or a CASE gives only when what is inside has none of its own is weak. */
interface Name {
  readonly name: string;
  readonly weak: boolean;
}

/** What PostgreSQL calls an output column that has no alias (FigureColname in parse_target.c); null for `?column?`. */
export function outputName(expression: Node): string | null {
  return figure(expression)?.name ?? null;
}

const strong = (name: string | null): Name | null => (name === null ? null : { name, weak: false });
const weak = (name: string): Name => ({ name, weak: true });

/** Expressions that are named after their own keyword. */
const KEYWORDS: Readonly<Record<string, string>> = {
  GroupingFunc: 'grouping',
  MergeSupportFunc: 'merge_action',
  A_ArrayExpr: 'array',
  RowExpr: 'row',
  CoalesceExpr: 'coalesce',
  JsonParseExpr: 'json',
  JsonScalarExpr: 'json_scalar',
  JsonSerializeExpr: 'json_serialize',
  JsonObjectConstructor: 'json_object',
  JsonArrayConstructor: 'json_array',
  JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg',
  JsonArrayAgg: 'json_arrayagg',
};

function figure(node: Node): Name | null {
  if ('ColumnRef' in node) return strong(lastName(node.ColumnRef.fields));
  if ('A_Indirection' in node) {
    const field = lastName(node.A_Indirection.indirection);
    return field === null && node.A_Indirection.arg ? figure(node.A_Indirection.arg) : strong(field);
  }
  if ('FuncCall' in node) return strong(lastName(node.FuncCall.funcname));
  if ('A_Expr' in node) return node.A_Expr.kind === 'AEXPR_NULLIF' ? strong('nullif') : null;
  if ('CollateClause' in node) return node.CollateClause.arg ? figure(node.CollateClause.arg) : null;
  if ('TypeCast' in node) {
    const inside = node.TypeCast.arg ? figure(node.TypeCast.arg) : null;
    const type = lastName(node.TypeCast.typeName?.names);
    return inside !== null && !inside.weak ? inside : type === null ? inside : weak(type);
  }
  if ('CaseExpr' in node) {
    const otherwise = node.CaseExpr.defresult ? figure(node.CaseExpr.defresult) : null;
    return otherwise !== null && !otherwise.weak ? otherwise : weak('case');
  }
  if ('MinMaxExpr' in node) return strong(node.MinMaxExpr.op === 'IS_LEAST' ? 'least' : 'greatest');
  if ('SQLValueFunction' in node) return strong(keywordOf(String(node.SQLValueFunction.op)));
  if ('JsonFuncExpr' in node) return strong(`json_${String(node.JsonFuncExpr.op).replace('JSON_', '').replace('_OP', '').toLowerCase()}`);
  if ('SubLink' in node) return ofSubquery(String(node.SubLink.subLinkType), node.SubLink.subselect);
  return strong(KEYWORDS[Object.keys(node)[0]!] ?? null);
}

function ofSubquery(kind: string, query: Node | undefined): Name | null {
  if (kind === 'EXISTS_SUBLINK') return strong('exists');
  if (kind === 'ARRAY_SUBLINK') return strong('array');
  if (kind !== 'EXPR_SUBLINK' || query === undefined || !('SelectStmt' in query)) return null;
  const first = query.SelectStmt.targetList?.[0];
  if (first === undefined || !('ResTarget' in first)) return null;
  if (first.ResTarget.name !== undefined) return strong(first.ResTarget.name);
  return first.ResTarget.val ? figure(first.ResTarget.val) : null;
}

/** SVFOP_CURRENT_TIMESTAMP_N is `current_timestamp`. */
const keywordOf = (op: string): string => op.replace('SVFOP_', '').replace(/_N$/, '').toLowerCase();

/** The last of a list of names; null for a star. */
export function lastName(names: readonly Node[] | undefined): string | null {
  return namesOf(names).at(-1) ?? null;
}

export function namesOf(names: readonly Node[] = []): string[] {
  return names.flatMap((part) => ('String' in part ? [part.String.sval ?? ''] : []));
}
